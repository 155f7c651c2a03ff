"""The operator's books as finance looks at them: what was taken and settled, what drifts, which months are closed."""
