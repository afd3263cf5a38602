"""How models talk when they answer, refuse, describe or think instead of writing down what is said."""

from __future__ import annotations

import re


def _tell(pattern: str) -> re.Pattern[str]:
    return re.compile(" ".join(pattern.split()).replace("'", "['’]"), re.IGNORECASE)


_CANNOT = (
    r"(?:can(?:no|')t|can not|am not able to|'m not able to|am unable to|'m unable to|won't|"
    r"(?:do not|don't) have (?:the|any) (?:ability|capability|means) to)"
)
TELLS = (
    # How assistants refuse.
    _tell(
        rf"\bI(?:'m sorry|\s+apologi[sz]e)?[^.!?]{{0,40}}{_CANNOT}\s+(?:\w+\s+)?"
        r"(?:(?:help|assist)(?:\syou)?(?:\swith)?(?:\s(?:that|this|it|your)\b|\s*[.!;]|\s*\Z)|transcribe|process|listen|hear|comply|fulfill|provide|support|create|generate|engage|identify|"
        r"access|analy[sz]e|write|do\sthat|share|give|offer|discuss)"
    ),
    _tell(r"\b(?:as an? (?:AI|language model|assistant)|AI (?:language )?model|my (?:training|guidelines))\b"),
    _tell(
        r"\bich kann\b[^.!?]{0,60}\bnicht (?:transkribieren|verarbeiten|anhören|hören|helfen|abspielen|aufschreiben)\b|"
        r"\bje (?:ne peux pas|ne suis pas en mesure de|suis incapable de|regrette)\b[^.!?]{0,40}"
        r"\b(?:transcrire|traiter|écouter|entendre|aider)\b|"
        r"\bno puedo (?:transcribir|procesar|escuchar|ayudar|o[ií]r)|"
        r"\bnon posso (?:trascrivere|elaborare|ascoltare|aiutar)|"
        r"\bnão posso (?:transcrever|processar|ouvir|ajudar)"
    ),
    # How they begin.
    _tell(
        r"\A\W*(?:(?:sure|certainly|absolutely|of course)\s*[!,.—–-]\s*(?:I|here|let|the|to|you|there|happy|what)\b|"
        r"(?:that's an? |what an? )?(?:great|good|excellent|interesting) question\b|"
        r"I'(?:d be|m) (?:happy|glad) to\b|happy to help|here (?:are|is) (?:a|an|the|some|your)\b[^.]*[:\n]|"
        r"thank(?:s| you) for (?:sharing|your (?:message|question|recording|voice))|"
        r"it sounds like you|you(?:'re| are) (?:asking|describing|talking about)|"
        r"gerne!|natürlich!|selbstverständlich|bien sûr\s*[!,]|avec plaisir|claro\s*[!,]|por supuesto)"
    ),
    # How they end.
    _tell(
        r"\b(?:let me know if you|feel free to|is there anything else (?:I|you)|would you like me to|"
        r"how (?:can|may) I (?:help|assist) you|what (?:can|would you like) (?:I|me) (?:to )?(?:do|help)|"
        r"if you (?:have|need) (?:any )?(?:more|further|other|additional) "
        r"(?:questions|details|help|information|assistance))"
    ),
    # How they tell about it instead.
    _tell(
        r"\A\W*(?:in (?:this|the) (?:audio|recording|clip|voice)|"
        r"(?:this|the) (?:audio|recording|clip|speaker|voice(?: note| message)?|person|transcript(?:ion)?)"
        r"(?: (?:file|recording|clip|note|message|in the \w+))?\s+"
        r"(?:says?|is|are|asks?|contains?|features?|talks?|discusses|describes?|mentions?|seems?|appears?|explains?|"
        r"wants?|reads?|begins?|consists?|states?|starts?|sounds?)\b|"
        r"(?:a|the) (?:man|woman|male|female|person|speaker)\b[^.]{0,30}"
        r"\b(?:says?|is (?:asking|talking|speaking)|asks?)\b)"
    ),
    # How they think.
    _tell(
        r"(?:<think|\A\W*(?:okay|ok|alright|hmm|so|let me|wait)\b[^.]{0,40}\b(?:the user|the audio|transcribe|"
        r"I (?:need|should|have) to (?:write|transcribe|listen|respond|answer)))|"
        r"\bthe user (?:is|wants|says|asks|said|asked)\b"
    ),
    # What is written, and not said.
    re.compile(
        r"^(?:#{1,4} |\s*[-*•] \S.*\n\s*[-*•] |\s*\d+[.)] .*\n+\s*\d+[.)] )|```|\*\*\S[^*\n]*\*\*|\|---", re.MULTILINE
    ),
)
"""What no speaker says so, but models do: each is the mark of an answer."""

HINTS = (
    _tell(
        r"\A\W*(?:(?:the|this|a) (?:speaker|person|man|woman|caller|narrator|individual|user)|someone|"
        r"somebody)\b[^.!?]{0,20}?"
        r"\b(?:went|goes|recounts?|recalls?|tells|narrates?|shares?|expresses|provides?|wonders?|recalled|describes?|described|told|"
        r"explained|mentioned|discussed|thanks|greets|introduces|reports?|requests?|requested|is|was|bought|met|visited)\b"
    ),
)
"""How they tell about it, and how somebody might begin: forgotten where the next answer says the same."""
