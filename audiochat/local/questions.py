"""What a question asks for: a measurement, the words themselves, or something that only a language model can write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_THING = (
    r"(?:it|this|that|(?:the|this|that|my|your)(?: \w+)? "
    r"(?:recording|audio|clip|file|sound|track|message|voicemail|speech|talk|podcast|memo|input|sample|one))"
)
_PERSON = r"(?:he|she|they|it|the (?:speaker|person|man|woman|voice|caller|narrator)|this person|someone|somebody)"


class Measure(Enum):
    """What is measured in a recording; the order is that of a description."""

    LENGTH = re.compile(
        rf"\bhow (?:long|many (?:seconds|minutes)(?: long)?) (?:is|was|are|does|did) (?:{_THING}|{_PERSON})"
        r"(?: (?:last|run|go on|speak|talk|long|exactly|altogether|in (?:total|seconds|minutes)))*\s*(?:$|[?.!,;]"
        r"|and\b)"
        rf"|\b(?:length|duration|running time)\b(?! of (?!{_THING}))"
    )
    SPEECH = re.compile(
        r"\b(?:is|does|do|are|can you hear) (?:there )?(?:any ?one|any ?body|some ?one|some ?body|a person|people"
        r"|a voice)\b"
        r"[^.?!]{0,20}\b(?:speak|talk|say|sing)|\bis there (?:any |a )?(?:speech|talking|voice|voices|silence|music"
        r"|noise|sound)\b"
        rf"|\bis {_THING} (?:silent|empty|just |only )?(?:silence|music|noise|speech|silent|empty)\b"
        r"|\bare there (?:any )?(?:words|voices)\b"
    )
    LANGUAGE = re.compile(
        r"\b(?:what|which) language (?:is|was|does|do|did|are) (?:it|this|that|he|she|they|the|this|spoken|being"
        r"|someone)\b"
        rf"|\b(?:what|which) language\s*(?:$|\?)|\blanguage of {_THING}|\bin (?:what|which) language\b"
    )
    SPEED = re.compile(
        rf"\bhow (?:fast|slow|slowly|quick|quickly) (?:is|was|does|do|did|are) (?:{_PERSON}|{_THING})"
        rf"(?: (?:talk|speak|read|talking|speaking|reading|spoken))?\s*(?:$|[?.!,;]|and\b)"
        r"|\bwords (?:per|a) minute\b|\b(?:speaking|talking|speech) (?:rate|speed|pace)\b|\bpace of (?:the )?spee"
        r"|\bspeed of (?:the )?(?:speech|speaker|voice)\b|\bhow many words (?:per|a) minute\b"
    )
    LOUDNESS = re.compile(
        rf"\bhow (?:loud|quiet) (?:is|was|are) (?:{_THING}|{_PERSON}|the (?:voice|noise|music))|\bhow loud\s*(?:$|\?)"
        rf"|\bloudness\b|\bdbfs\b|\bdecibels?\b|\b(?:volume|level) of {_THING}|\b(?:what|the) volume\s*(?:$|\?|and\b)"
        rf"|\b(?:is|was) {_THING} (?:too )?(?:loud|quiet)\b"
    )


class Wish(Enum):
    """What is asked for besides measurements; the first that fits is taken."""

    AGAIN = re.compile(
        r"^(?:please |can you |could you )*(?:say|repeat) (?:that|it|this)(?: again)?(?:,? please)?\s*[.?!]*$"
    )
    SHORTER = re.compile(
        r"\bshorter\b|\bshorten (?:it|that|this)\b|\bmore briefly\b|\bin fewer words\b|\bcut (?:it|that|this) down\b"
        r"|\btoo long\b"
    )
    VOICE = re.compile(
        r"\b(?:gender|male|female|accent|dialect|emotions?|mood|how old|age of|instruments?|tone of|background)\b"
        r"|\b(?:man|woman|boy|girl|child) or (?:a )?(?:man|woman|boy|girl|child)\b"
        r"|\bhow many (?:speakers|people|voices|persons)\b|\bsounds? (?:happy|sad|angry|tired|nervous|excited"
        r"|friendly)\b"
        r"|\bhow (?:does|do|did|is) (?:he|she|they|the (?:speaker|person|man|woman|voice|caller)) (?:sound|feel)"
        r"|\b(?:which|what) (?:song|melody|tune|genre|key|tempo|animal is making)\b|\btwo (?:speakers|people"
        r"|voices)\b"
        r"|\bwho(?: is|'s| are) (?:speaking|talking)\b|\bdifferent (?:speakers|people|voices)\b"
    )
    WORDS = re.compile(
        r"\btranscri|\bverbatim\b|\bword for word\b|\bword by word\b|\bexact(?:ly)? words\b|\bquote\b|\bspell"
        r"|\bwhat (?:was|is|were|are|did|does|do|has|can)\b[^.?!]{0,40}\b(?:said|say|says|saying|hear|heard|talking"
        r"|words)\b"
        r"|\b(?:repeat|read out|read back|write down|write out|list|enumerate|name all|note down)\b|\bword(?:s|ing)\b"
        r"|\bwhat(?:'s| is) (?:being )?said\b|\bdictat"
    )
    DESCRIBE = re.compile(
        rf"\bdescri(?:be|ption)|\bdetail|\banaly[sz]e|\bproperties\b|\bmeasure|\bwhat(?:'s| is) (?:in|on) {_THING}"
        rf"|\btell me (?:more |everything |something |all )?about {_THING}|\bwhat is {_THING}\s*[?.!]*$"
        rf"|\bwhat do we have\b"
    )
    SUMMARY = re.compile(
        r"\bsummar|\bsum\b[^.?!:]{0,30}\bup\b|\bsum up\b|\bgist\b|\btl;?dr\b|\bin (?:short|brief)\b|\bbriefly\b"
        r"|\bmain (?:points?|ideas?|topics?|message)\b|\bkey (?:points?|takeaways?)\b|\bin (?:one|a"
        r"|two) (?:short )?sentences?\b"
        rf"|\bwhat(?:'s| is| was) {_THING}(?: all)? about\b|\btopic\b|\bsubject of\b|\bboil\b[^.?!]{{0,20}}\bdown\b"
        rf"|\bheadline\b"
    )
    FACT = re.compile(
        r"^(?:and |so |but |then |please |tell me |can you tell me )*(?:who|whose|whom|when|where|which|how (?:many"
        r"|much|often|old|far|long|big|late|early|tall|high)"
        r"|at what|on what|in what|by when|what (?:time|day|date|number|name|phone|telephone|price|address|code"
        r"|year|room|street|city"
        r"|place|colou?r|kind|sort|size))\b|\b(?:phone|telephone) number\b|\bwhat(?:'s| is| was| are| were) (?:the "
        r"|his |her |their )?"
        r"(?:\w+ ){0,2}(?:number|name|names|price|cost|date|time|address|code|amount)\b"
    )
    OPEN = re.compile("")


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a recording, or to the model."""

    measures: tuple[Measure, ...]
    wish: Wish | None
    """None where measurements are all that is asked for."""


def understand_question(text: str) -> Question:
    """What a question asks for."""
    plain = " ".join(text.lower().replace("\u2019", "'").split())
    measures = tuple(one for one in Measure if one.value.search(plain))
    wish = next(one for one in Wish if one.value.search(plain))
    # "How long is it?" is answered by the measurement; the shape of a question for facts adds nothing to it.
    if measures and wish in (Wish.FACT, Wish.OPEN, Wish.VOICE):
        return Question(measures, None)
    return Question(measures, wish)


_RISKY = {
    "health": (
        r"\b(?:medicines?|medications?|pills?|tablets?|doses?|dosage|overdose\w*|ibuprofen|paracetamol"
        r"|acetaminophen|aspirin|antibiotics?"
        r"|insulin|vaccin\w*|symptoms?|diagnos\w*|disease|cancer|tumou?r|diabet\w+|blood (?:pressure|sugar)"
        r"|heart attack|stroke|chest pain"
        r"|fever|infect\w+|pregnan\w+|allerg\w+|asthma|seizures?|bleed\w*|wounds?|burns?|concussion|poison\w*|toxic"
        r"|swallow\w*|venom\w*"
        r"|suicid\w*|kill (?:myself|me|him|her|them)|self-harm|hurt myself|depress(?:ed|ion)|anxiety|therap\w+"
        r"|surgery|headaches?|migraine"
        r"|pains?|painful|aches?|chest|dizz\w+|breathless\w*|short of breath|emergency|injur\w+|nausea\w*|sprain\w*"
        r"|fractur\w+"
        r"|cough\w*|flu|covid|hiv|contracepti\w+|abortion|sick|fainted|swollen|numb|first aid|hospital|ambulance"
        r"|calories"
        r"|vomit\w*|rash|lump|cpr|choking|unconscious|faint\w*|drugs?|cocaine|heroin|fasting|lose weight"
        r"|breast ?feed\w*|doctor)\b"
    ),
    "safety": (
        r"\b(?:safe|safely|safety|dangerous|danger|explo\w+|bombs?|weapons?|guns?|ammonia|bleach|chlorine"
        r"|carbon monoxide|gas leak"
        r"|smell gas|electric(?:al)? (?:wir\w+|shock|outlet|panel)|rewire|fuse box|wild mushrooms?|edible"
        r"|raw (?:meat|chicken|eggs|pork)"
        r"|botulism|tornado|earthquake|wildfire|avalanche|drown\w*|fire extinguisher|drive (?:drunk|after)|drunk)\b"
    ),
    "law": (
        r"\b(?:legal|illegal|legally|lawyers?|attorneys?|laws?(?! of (?:motion|physics|nature|thermo|gravity"
        r"|large))|lawsuits?|sue|sued|court|arrest\w*|police|contracts?|custody|divorce"
        r"|evict\w*|landlord|tenant|visas?|immigra\w+|asylum|copyright|liab\w+|plead|guilty|inherit\w*|last will"
        r"|tax(?:es)?)\b"
    ),
    "money": (
        r"\b(?:invest\w*|stocks?|shares in|bonds?|loans?|mortgages?|credit (?:card|score)|debts?|bankrupt\w*"
        r"|crypto\w*|bitcoin|savings"
        r"|pensions?|retire(?:ment)?|insurance|insured|interest rates?|bank account|salary|betting|gambl\w+|lend"
        r"|borrow money)\b"
    ),
}
_RISKY_PATTERNS = {subject: re.compile(pattern) for subject, pattern in _RISKY.items()}


def risky_subject(text: str) -> str | None:
    """The subject of a question to which a wrong answer can hurt: health, safety, law or money; None for others."""
    plain = text.lower()
    return next((subject for subject, pattern in _RISKY_PATTERNS.items() if pattern.search(plain)), None)


_WANTS_FIGURE = re.compile(
    r"^(?:and |so |please |tell me )*(?:how (?:many|much|old|long|far|tall|high|big|fast|heavy|deep|often|large)\b"
    r"|(?:when|what (?:year|date|time|day)) (?:did|was|were|is|are|does|do)\b|in (?:what|which) year\b)"
    r"|\b(?:times|plus|minus|divided by|multiplied by|percent of|square root)\b|\d\s*[-+*/x\u00d7\u00f7]\s*\d"
)


def wants_figure(text: str) -> bool:
    """Whether a question without a recording asks for a number or a date, which a small model makes up."""
    return _WANTS_FIGURE.search(text.lower().strip()) is not None


_ASKS_WHO = re.compile(
    r"\b(?:who|what) are you\b|\b(?:your name|are you (?:an? )?(?:ai|human|robot|bot|person|chatgpt|model))\b"
)


def asks_who_answers(text: str) -> bool:
    """Whether a question is about the one who answers."""
    return _ASKS_WHO.search(text.lower()) is not None


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ENGLISH = _set(
    "the a an is are was were do does did what who when where why how which can could will would should of to in it "
    "this that you i me my and or for with about on at be have has tell please say write name give make sum describe"
)
_OTHER = _set(
    "der die das und ist nicht ein eine wie wer wo warum wann welche welcher wird sind auf mit von zu für über bitte "
    "le la les un une des est que qui quoi pourquoi quand comment où dans avec sur pour ce cette quelle quel sont "
    "el los las una es qué quién cómo cuándo dónde por para con del il lo gli che chi perché come quando dove sono di "
    "o os uma é não quem het een de wat wie waarom hoe"
)


def is_english(text: str) -> bool:
    """Whether a text may be English, as far as its commonest words tell."""
    letters = [char for char in text if char.isalpha()]
    if letters and sum(char < "\u0250" for char in letters) < len(letters) / 2:
        return False
    words = re.findall(r"[^\W\d_]+", text.lower())
    return sum(word in _OTHER for word in words) <= sum(word in _ENGLISH for word in words)
