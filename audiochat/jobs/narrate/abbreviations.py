"""Short forms that are spoken in full, by language: `Mr.` is read "mister"."""

from __future__ import annotations

from functools import cache

_EN = """
mr:mister mrs:missus,missis,mistress ms:miz,miss dr:doctor,drive st:saint,street prof:professor lt:lieutenant
col:colonel gen:general capt:captain sgt:sergeant cpl:corporal maj:major rev:reverend hon:honorable,honourable
gov:governor sen:senator rep:representative pres:president jr:junior sr:senior esq:esquire mt:mount ft:fort,feet,foot
vol:volume vols:volumes ch:chapter chap:chapter sec:section,seconds,second p:page pp:pages fig:figure figs:figures
ed:edition,editor eds:editors vs:versus v:versus etc:etcetera,andsoon,andsoforth dept:department ave:avenue
blvd:boulevard rd:road inc:incorporated ltd:limited co:company corp:corporation bros:brothers approx:approximately
ca:circa km:kilometers,kilometres,kilometer,kilometre m:meters,metres,meter,metre cm:centimeters,centimetres
mm:millimeters,millimetres kg:kilograms,kilos g:grams mg:milligrams lb:pounds,pound lbs:pounds oz:ounces,ounce
hr:hour,hours hrs:hours min:minutes mph:milesperhour kmh:kilometersperhour jan:january feb:february mar:march
apr:april jun:june jul:july aug:august sep:september sept:september oct:october nov:november dec:december mon:monday
tue:tuesday tues:tuesday wed:wednesday thu:thursday thurs:thursday fri:friday sat:saturday sun:sunday c:celsius
f:fahrenheit nos:numbers ie:thatis eg:forexample,forinstance h:hour,hours x:by,times
"""
_DE = """
dr:doktor prof:professor hr:herr hrn:herrn fr:frau frl:fräulein st:sankt nr:nummer str:straße s:seite bd:band
jh:jahrhundert jhd:jahrhundert usw:undsoweiter ca:circa,zirka bzw:beziehungsweise vgl:vergleiche evtl:eventuell
mio:millionen mrd:milliarden tel:telefon geb:geboren km:kilometer m:meter cm:zentimeter kg:kilogramm,kilo std:stunden
min:minuten zb:zumbeispiel
"""
_FR = """
m:monsieur mm:messieurs mme:madame mmes:mesdames mlle:mademoiselle dr:docteur st:saint ste:sainte etc:etcetera
av:avenue p:page vol:volume no:numéro km:kilomètres,kilomètre cm:centimètres kg:kilos,kilogrammes er:premier
"""
_ES = """
sr:señor sra:señora srta:señorita sres:señores dr:doctor dra:doctora d:don ud:usted uds:ustedes vd:usted etc:etcétera
pág:página núm:número av:avenida km:kilómetros kg:kilos,kilogramos
"""
_IT = "sig:signor sigra:signora dott:dottor dr:dottor prof:professor ecc:eccetera pag:pagina km:chilometri"
_PT = "sr:senhor sra:senhora dr:doutor dra:doutora etc:etcétera pág:página km:quilômetros,quilómetros"
_NL = "dhr:meneer mevr:mevrouw dr:doctor prof:professor nr:nummer blz:bladzijde enz:enzovoort bijv:bijvoorbeeld"
_TABLES = {"en": _EN, "de": _DE, "fr": _FR, "es": _ES, "it": _IT, "pt": _PT, "nl": _NL}


def in_full(word: str, language: str) -> frozenset[str]:
    """What a short form stands for, letters alone; nothing for any other word.

    Args:
        word: In lower case, without its full stop.
        language: An ISO 639 code.
    """
    return _table(language).get(word, frozenset())


@cache
def _table(language: str) -> dict[str, frozenset[str]]:
    pairs = (pair.split(":") for pair in _TABLES.get(language, "").split())
    return {short: frozenset(full.split(",")) for short, full in pairs}
