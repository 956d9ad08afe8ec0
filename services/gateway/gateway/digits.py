import unicodedata


def ascii_digits(text: str) -> str:
    """Digits of every script as 0 to 9: what somebody types on an Arabic or an Indian keyboard."""
    return "".join(str(unicodedata.digit(char, char)) if char.isdigit() else char for char in text)
