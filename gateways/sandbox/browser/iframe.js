// The one call of Spreedly's iFrame script that a page without its fields makes: what the bank is told of the browser.

window.Spreedly = {
  ThreeDS: {
    serialize: (browserSize, acceptHeader) =>
      btoa(
        JSON.stringify({
          accept_header: acceptHeader.slice(0, 256),
          browser_size: browserSize,
          color_depth: screen.colorDepth,
          height: screen.height,
          java_enabled: false,
          language: navigator.language,
          time_zone: new Date().getTimezoneOffset(),
          user_agent: navigator.userAgent,
          width: screen.width,
        }),
      ),
  },
};
