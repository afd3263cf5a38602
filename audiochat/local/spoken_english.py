"""English as it is written, turned into what a reader says: years, times, money, units, titles, initials.

Numbers stay digits where espeak-ng, which finds the phonemes, reads them as a person would; so "1984" becomes "19 84".
Every rule matches whole words with their digits or their full stop, so that none changes a word that only looks alike.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MONTHS: tuple[str, ...] = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
)
_MONTHS += ("November", "December")
_MONTH = rf"(?:{'|'.join(_MONTHS)})"
_SHORT_MONTHS = {month[:3]: month for month in _MONTHS if month != "May"} | {"Sept": "September"}

_TITLES = {
    "Mr": "Mister",
    "Mrs": "Missis",
    "Ms": "Miz",
    "Dr": "Doctor",
    "Prof": "Professor",
    "Rev": "Reverend",
    "Gen": "General",
    "Col": "Colonel",
    "Capt": "Captain",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Gov": "Governor",
    "Sen": "Senator",
    "Hon": "Honorable",
    "Messrs": "Messers",
    "Mt": "Mount",
    "St": "Saint",
}
"""Before a name."""
_AFTER_NAMES = {"Jr": "Junior", "Sr": "Senior", "St": "Street", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road"}
_COMPANIES = {"Inc": "Incorporated", "Ltd": "Limited", "Co": "Company", "Corp": "Corporation"}
_WORDS = {
    "vs": "versus",
    "etc": "etcetera",
    "e.g": "for example",
    "i.e": "that is",
    "approx": "approximately",
    "dept": "department",
    "a.k.a": "also known as",
}
_BEFORE_NUMBERS = {"No": "number", "no": "number", "Nos": "numbers", "Vol": "volume", "vol": "volume", "Fig": "figure"}
_BEFORE_NUMBERS |= {"fig": "figure", "pp": "pages", "p": "page", "Ch": "chapter", "ch": "chapter"}

_MONEY = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", "sen")}
_LARGE = {"k": "thousand", "K": "thousand", "m": "million", "M": "million", "bn": "billion", "B": "billion"}
_LARGE |= {word: word for word in ("thousand", "million", "billion", "trillion")}

_UNITS = {
    "km": "kilometer",
    "cm": "centimeter",
    "mm": "millimeter",
    "m": "meter",
    "kg": "kilogram",
    "mg": "milligram",
    "g": "gram",
    "lb": "pound",
    "lbs": "pound",
    "oz": "ounce",
    "ft": "foot",
    "mi": "mile",
    "ml": "milliliter",
    "L": "liter",
    "kW": "kilowatt",
    "kWh": "kilowatt hour",
    "GB": "gigabyte",
    "MB": "megabyte",
    "TB": "terabyte",
    "Hz": "hertz",
    "kHz": "kilohertz",
    "MHz": "megahertz",
    "GHz": "gigahertz",
    "min": "minute",
    "sec": "second",
    "hr": "hour",
    "hrs": "hour",
}
_RATES = {"km/h": "kilometers per hour", "kph": "kilometers per hour", "mph": "miles per hour"}
_RATES |= {"m/s": "meters per second", "°C": "degrees Celsius", "°F": "degrees Fahrenheit", "°": "degrees"}
_DECADES = {"1": "tens", "2": "twenties", "3": "thirties", "4": "forties", "5": "fifties", "6": "sixties"}
_DECADES |= {"7": "seventies", "8": "eighties", "9": "nineties"}
_FRACTIONS = {"1/2": "one half", "1/3": "one third", "2/3": "two thirds", "1/4": "one quarter", "3/4": "three quarters"}
_FRACTIONS |= {"½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter", "¾": "three quarters"}

_YEAR = r"(?:1[1-9]\d\d|20\d\d)"
_BEFORE_YEARS = (
    r"(?:[Ii]n|[Ss]ince|[Bb]y|[Ff]rom|[Uu]ntil|[Tt]ill|[Bb]efore|[Aa]fter|[Dd]uring|[Cc]irca|[Yy]ear|[Ss]pring|[Ss]ummer|"
    rf"[Aa]utumn|[Ff]all|[Ww]inter|[Ee]arly|[Ll]ate|[Bb]etween|[Oo]f|{_MONTH}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,)"
)
_NOT_COUNTED = r"(?!\s+[a-z]+s\b|[,.]?\d|%)"
"""After a year there is no plural: that would be a number of things."""
_STARTERS = (
    r"(?:The|He|She|It|We|They|You|I|In|On|At|But|And|So|This|That|There|A|An|As|If|When|His|Her|Our|Their|For|Not|"
    r"No)\b"
)
"""Words that begin a sentence more often than a name."""
_ENDS = re.compile(rf"\s*[\"')\u201d]*$|\s+[\"'(\u201c]*{_STARTERS}")
"""What follows a full stop that ends a sentence too."""

_ROMAN = {"I": 1, "V": 5, "X": 10}
_COUNTED = r"(?:Chapter|Part|Book|Act|Scene|Volume|War|Section|Article|Phase|Type|Apollo|Title|Appendix)"
_RULERS = (
    r"(?:Henry|Louis|George|Charles|Edward|Elizabeth|James|William|Richard|Philip|John|Paul|Pius|Leo|Francis|Napoleon|"
    r"Frederick|Catherine|Peter|Alexander|Nicholas|Benedict|Mary|Ferdinand|Gustav|Christian|Otto)"
)


def english(text: str, *, day_first: bool = False) -> str:
    """A text as a reader says it.

    Args:
        text: A sentence, or several.
        day_first: 3/4/2025 is in April, as the British write; else in March.
    """
    for pattern, said in _rules(day_first=day_first):
        text = pattern.sub(said, text)
    return text


def _rules(*, day_first: bool) -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], str] | str]]:
    dates = re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})/(\d{4})(?![\d/])")
    return [*_DATES, (dates, lambda found: _slashed(found, day_first=day_first)), *_RULES]


def _slashed(found: re.Match[str], *, day_first: bool) -> str:
    first, second, year = int(found[1]), int(found[2]), found[3]
    if first > 12 or (day_first and second <= 12):
        first, second = second, first
    if not (1 <= first <= 12 and 1 <= second <= 31):
        return found[0]
    return f"{_MONTHS[first - 1]} {_ordinal(second)}, {year}"


def _iso(found: re.Match[str]) -> str:
    month, day = int(found[2]), int(found[3])
    return f"{_MONTHS[month - 1]} {_ordinal(day)}, {found[1]}" if 1 <= month <= 12 and 1 <= day <= 31 else found[0]


def _ordinal(number: int | str) -> str:
    number = int(number)
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _year(year: str) -> str:
    century, rest = year[:2], year[2:]
    if century == "20" and rest[0] == "0":
        return year
    if rest == "00":
        return f"{century} hundred"
    return f"{century} oh {rest[1]}" if rest[0] == "0" else f"{century} {rest}"


def _decade(found: re.Match[str]) -> str:
    century, ten = found[1] or "", found[2]
    if ten == "0":
        return found[0] if not century else "two thousands" if century == "20" else f"{century} hundreds"
    return f"{century} {_DECADES[ten]}".strip()


def _time(found: re.Match[str]) -> str:
    hour, minute, half = found[1], found[2], (found["half"] or "").replace(".", "").upper()
    if minute is None and not half:
        return found[0]
    said = str(int(hour))
    if minute and minute != "00":
        said += f" oh {minute[1]}" if minute[0] == "0" else f" {minute}"
    elif minute and not half:
        said += " o'clock" if 1 <= int(hour) <= 12 else " hundred"
    if not half:
        return said
    return f"{said} {half[0]} {half[1]}{_stop(found) if found['half'].endswith('.') else ''}"


def _money(found: re.Match[str]) -> str:
    major, minor = _MONEY[found["sign"]]
    whole, part, large = found["whole"].replace(",", ""), found["part"], found["large"]
    if large:
        return f"{whole}{'.' + part if part else ''} {_LARGE[large]} {_plural(major, '2')}"
    if not part or len(part) != 2:
        return f"{whole}{'.' + part if part else ''} {_plural(major, '2' if part else whole)}"
    small = f"{int(part)} {_plural(minor, str(int(part)))}"
    if int(part) == 0:
        return f"{whole} {_plural(major, whole)}"
    return small if whole == "0" else f"{whole} {_plural(major, whole)} and {small}"


def _unit(found: re.Match[str]) -> str:
    number, unit = found[1], found[2]
    return f"{number} {_RATES[unit] if unit in _RATES else _plural(_UNITS[unit], number)}"


def _plural(word: str, number: str) -> str:
    if number == "1" or word in ("yen", "sen") or word.endswith("hertz"):
        return word
    return {"foot": "feet", "penny": "pence"}.get(word, f"{word}s")


def _initials(found: re.Match[str]) -> str:
    return " ".join(re.findall(r"[A-Z]", found[0])) + _stop(found)


def _stop(found: re.Match[str]) -> str:
    """The full stop of an abbreviation, where it ends the sentence too."""
    return "." if _ENDS.match(found.string[found.end() :]) else ""


def _abbreviation(found: re.Match[str]) -> str:
    return f"{(_WORDS | _COMPANIES)[found[1]]}{_stop(found)}"


def _after_name(found: re.Match[str]) -> str:
    return f"{found[1]} {_AFTER_NAMES[found[2]]}{_stop(found)}"


def _roman(letters: str) -> int | None:
    values = [_ROMAN[letter] for letter in letters]
    following = [*values[1:], 0]
    number = sum(-one if one < other else one for one, other in zip(values, following, strict=True))
    return number if 1 <= number <= 39 else None


def _counted(found: re.Match[str]) -> str:
    number = _roman(found[2])
    return found[0] if number is None else f"{found[1]} {number}"


def _ruler(found: re.Match[str]) -> str:
    number = _roman(found[2])
    return found[0] if number is None else f"{found[1]} the {_ordinal(number)}"


def _digits(found: re.Match[str]) -> str:
    groups = re.findall(r"\d+", found[0])
    return ("plus " if found[0].startswith("+") else "") + ", ".join(" ".join(group) for group in groups)


def _any_of(words: dict[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_DATES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str] | str]] = [
    (re.compile(r"(?<![\d-])(\d{4})-(\d\d)-(\d\d)(?![\d-])"), _iso),
]
_RULES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str] | str]] = [
    (re.compile(r"(?<!\d)(?:\+\d{1,2}[ -])?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?!\d)"), _digits),
    (
        re.compile(
            r"(?P<sign>[$£€¥])(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<part>\d+))?"
            rf"(?:\s?(?P<large>{_any_of(_LARGE)})\b)?"
        ),
        _money,
    ),
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), ""),
    (
        re.compile(r"(?<![\d:.])([01]?\d|2[0-3])(?::([0-5]\d))?(?::[0-5]\d)?\s?(?P<half>[ap]\.m\.|[ap]m\b|[AP]M\b)"),
        _time,
    ),
    (re.compile(r"(?<![\d:.])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?(?P<half>)(?![\d:])"), _time),
    (re.compile(rf"\b({'|'.join(_SHORT_MONTHS)})\.?(?= \d)"), lambda found: _SHORT_MONTHS[found[1]]),
    (
        re.compile(rf"\b({_MONTH}) (\d{{1,2}})(?=[,;:)!?]|\.(?!\d)|\s|$)"),
        lambda found: f"{found[1]} {_ordinal(found[2])}",
    ),
    (re.compile(rf"\b(\d{{1,2}}) ({_MONTH})\b"), lambda found: f"the {_ordinal(found[1])} of {found[2]}"),
    (re.compile(r"\bthe the (?=\d)"), "the "),
    (
        re.compile(rf"\b({_YEAR})(?:-|\u2013)({_YEAR})\b"),
        lambda found: f"{_year(found[1])} to {_year(found[2])}",
    ),
    (re.compile(r"(?<![\w$£€])(1[1-9]|20)(\d)0'?s\b"), _decade),
    (re.compile(r"(?<!\w)()['\u2019](\d)0s\b"), _decade),
    (
        re.compile(rf"\b({_BEFORE_YEARS} )({_YEAR})\b{_NOT_COUNTED}"),
        lambda found: f"{found[1]}{_year(found[2])}",
    ),
    (re.compile(rf"\(({_YEAR})\)"), lambda found: f"({_year(found[1])})"),
    (
        re.compile(rf"\b((?:to|and) )({_YEAR})\b(?=[.,;:!?)]|$){_NOT_COUNTED}"),
        lambda found: f"{found[1]}{_year(found[2])}",
    ),
    (re.compile(rf"(?<![\w.])(\d+(?:\.\d+)?) ?({_any_of(_RATES | _UNITS)})(?![\w'\u2019/])"), _unit),
    (re.compile(rf"(?<!\d|/)(?:{_any_of(_FRACTIONS)})(?![\d/])"), lambda found: f" {_FRACTIONS[found[0]]}"),
    (re.compile(r"(?<=\d) ?%"), " percent"),
    (re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.])"), lambda found: found[0].replace(".", " point ")),
    # phonemizer takes the full stop in "18.6" for a sentence's end.
    (re.compile(r"(?<=\d)\.(\d+)"), lambda found: f" point {' '.join(found[1])}"),
    (re.compile(r"(?<![\w.-])(\d+) ?(?:-|\u2013) ?(\d+)(?![\w-])"), r"\1 to \2"),
    (re.compile(r"(?<![\w)])[-\u2212](?=\d)"), "minus "),
    (re.compile(r"#(?=\d)"), "number "),
    (re.compile(r"(?<=\s)&(?=\s)"), "and"),
    (re.compile(rf"\b({_any_of(_BEFORE_NUMBERS)})\. ?(?=\d)"), lambda found: f"{_BEFORE_NUMBERS[found[1]]} "),
    (re.compile(rf"\b([A-Z][a-z]+,?) ({_any_of(_AFTER_NAMES)})\.(?! [A-Z])"), _after_name),
    (re.compile(rf"\b({_any_of(_TITLES)})\.(?= ?[A-Z]| and )"), lambda found: _TITLES[found[1]]),
    (re.compile(r"\b(Mrs?|Ms|Dr|St|Mt)(?= [A-Z])"), lambda found: _TITLES[found[1]]),
    (re.compile(rf"(?<![\w.])({_any_of(_WORDS | _COMPANIES)})\."), _abbreviation),
    (re.compile(r"(?<![\w.])[A-Z]\.(?: ?[A-Z]\.)+"), _initials),
    (re.compile(rf"(^|[A-Z]\w+ |[A-Z] )([A-Z])\. (?=[A-Z][a-z])(?!{_STARTERS})"), r"\1\2 "),
    (re.compile(rf"\b({_COUNTED}) (I(?=\s*(?:[.,:;)!?]|$))|[IVX]{{2,}}|[VX])\b"), _counted),
    (re.compile(rf"\b({_RULERS}) (I(?= of\b)|[IVX]{{2,}}|[VX])(?![\w.])"), _ruler),
]
