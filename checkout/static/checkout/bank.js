// Sends the guest on to the bank; without JavaScript the button does.
document.getElementById("bank").submit();
