"""The two classes that people use, SMTP and AsyncSMTP: the reference's interface over the one dialogue."""
