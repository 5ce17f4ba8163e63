"""Everything English that the reading of words rests on, besides the two lists of words.

A box of another language needs these tables in its own words, a lexicon and a sentence network;
docs/words.md says how they are made.
"""

from __future__ import annotations


def _row(words: str) -> frozenset[str]:
    return frozenset(words.split())


SUBJECTS = _row("i you he she it we they this that there everything")
VERBS = _row(
    "is am are was were has have had will would can could should does did do keep keeps still just "
    "never always want need got get know feel love like really went works worked took came made "
    "said told think"
)
OPINIONS = _row("think believe feel find say call guess that sure")
"""After one of these a subject begins no statement of its own: what is thought is negated, too."""
INVERTED = _row("is are am was were do does did have has had can could will would")
CONJUNCTIONS = _row("and but because why when if then although though since until till so unless")
ANSWERS = _row("no nope nah yes yeah yep okay well oh")
AFTER_ANSWER = _row(
    "i you he she it we they this that these those there the my your our his her their not just "
    "only thank please what which who where when how is was do did does can could let sorry"
)
"""`no that is fine` is an answer and a statement, `no help` is not."""
NEGATORS = _row(
    "not no never nobody nothing none without neither hardly nowhere nor scarcely barely"
)
STRONG = _row("nobody nothing none neither never")
"""They negate what is said of them in a relative clause, too: `nothing that was any good`."""
DENIERS = _row("nobody nothing none neither hardly")
"""Subjects and the like that deny all that is said of them, however far behind."""
NEGATIONS = _row("not no never nobody nothing none without")
"""Words by which a phrase is seen to have a negation of its own."""
PRAISE = _row(
    "great lovely perfect wonderful fantastic brilliant nice congratulations excellent amazing "
    "awesome super marvelous bravo charming terrific splendid"
)
THANKS = frozenset({"thank you", "cheers", "ta"})
"""Politeness by itself, however a statement goes; `thank you so much` is more."""
FALSE_THANKS = _row("thank congratulations")
"""Where a phrase that begins so is a blame, it is one however the rest reads."""
NODDING = _row(
    "oh okay yes yeah right well and that this it is was just very really quite all then so cool "
    "good fine thank you bye goodbye"
)
"""What may stand beside one word of praise that only says `go on`."""
NEGATING = (
    "anything but",
    "far|long from|way",
    "a long way from",
    "nowhere near",
    "less than",
    "in no way|sense",
    "by no means",
    "at no time|point",
    "under no circumstances",
    "not once",
    "not one|a of|single",
    "instead of",
    "rather than",
    "no longer",
)
"""Turns of speech that negate what follows like a `not`."""
MOCKING = (
    "so nobody|nothing",
    "so no one",
    "so now i|we|it|my|you|the",
    "so you are telling|saying|not|just",
    "so you can|do|did|will not",
    "so i have|get|need to",
    "so i pay|must|wait|lose|am",
    "yet? another",
    "now i|we have|must|need to",
    "now it|the|my|there",
    "just what i needed a",
    "again",
    "what a",
)
"""What follows the praise that opens a complaint."""
THREATS = (
    "to the? press|newspaper|newspapers|papers|media|ombudsman|regulator|watchdog",
    "trading standards",
    "hear|hearing from my lawyer|lawyers|solicitor|solicitors|attorney",
)
"""Whom a customer goes to who has had enough."""
FAILING = (
    "have|has|had|is|are yet to",
    "fail|fails|failed|failing to",
    "fail|fails to see how|why",
    "not what i|you|anybody would|can|could call",
    "hardly|not call that|it|this",
)
"""The same, and blame of their own where they deny nothing good."""
ASKING = (
    "can|could|would|will|do|does|is|are|may you|i|we|it|they|that|there|the",
    "what|when|where|which|how|who",
    "and what|how|where|when|i|could|can",
    "let me|us",
    "i will|have|also|need|would",
    "book|send|put|give",
)
"""What follows a praise that only says `go on`."""
NAMING = (
    "name|surname|names is|was",
    "user name is",
    "the name on it is",
    "is|are|was|were called",
    "under the name of",
    "is|it's under",
    "password|phrase|hint|word|answer|login|code is",
    "account holder is",
    "address|street|road|estate|village is",
    "live|living|lives in|at|on",
    "house|flat|apartment is on|at",
    "it is doctor|mister|miss|missus|professor|captain",
    "code|reference|letter is",
)
"""What follows is a name."""
PLACES = _row(
    "street road lane avenue square crescent terrace limited ltd house grove gardens boulevard "
    "hill court"
)
NAME_WORDS = 5
"""Words of a name at most."""
HYPOTHESES = (
    "if",
    "what if",
    "in case",
    "in the event",
    "whether",
    "should it|anything|something|there|this|the",
    "would it|that|there be|hurt|matter|help",
    "could|can|might|may it|this|that|there|something|anything|the",
    "what happens|happened|would",
)
"""What follows is supposed, not told, up to where the next statement begins."""
QUESTIONS = (
    "^ how do|can|could|would|should i|we|one|you",
    "^ what does|is|are|do|was",
    "^ is|are there|it|that a|an|any|free|expensive|dangerous|safe|good|bad|covered",
    "^ is|are there|cancer|it|this|that",
    "^ does|do it|the|this|that|they",
    "^ do i|we",
    "^ did|was|were|am i|my|the|that",
    "^ has|have|had anyone|anything|they|there",
    "^ have you had",
    "^ where do|can|is|are i|we|the|my",
    "^ can|could|may i|we|you|somebody",
    "^ which",
    "how do|can|could i|we",
)
"""What follows is asked, up to where the next statement begins."""
PLAINLY_NOT_ASKED = _row(
    "ever even again still actually supposed always people finally seriously joke keep hell earth "
    "finally ashamed decent human manager supervisor acceptable normal"
)
"""With one of these a question is a reproach."""
ELSEWHERE = (
    "my|the|our old|previous|former|last|first provider|bank|company|insurer|supplier|landlord",
    "my|the|our old|previous|former|last|first phone|one|car|router|shop",
    "another|other|some|different|rival other? provider|bank|company|garage|shop",
    "another|other|some|different|rival other? place|insurer|firm|supplier",
    "somewhere|someone|somebody else",
    "friend of mine",
    "my friend|friends|neighbor|neighbour says|had|has|was",
    "your rivals|competitors",
)
"""Whose trouble it is: not this company's."""
REPORTED = (
    "he|she|they|you|salesman|saleswoman|colleague|man|lady|agent|advert|brochure|website|ad|rep "
    "told|said|says|swore|promised|assured|guaranteed|claimed me|us?",
    "i was told|promised|assured",
)
PAST = _row("was were had loved liked thought worked seemed used did")
UNTIL = _row("until till")
LETTER_WORDS = _row("a i o u")
"""Single letters that are words; others are spelt."""
_DIGITS = _row(
    "oh zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty "
    "ninety hundred thousand"
)
# may and march are more often other words
_DAYS = _row(
    "monday tuesday wednesday thursday friday saturday sunday january february april june july "
    "august september october november december"
)
READ_AS = {**dict.fromkeys(_DIGITS, "<number>"), **dict.fromkeys(_DAYS, "<day>")}
"""What is read alike: which number it was says nothing, and may be a card's."""
TURNS = {
    "corrected": (
        "^ no i|we said|asked|meant|told|wanted",
        "no not",
        "not what i|we asked|said|meant|wanted|ordered|need",
        "i|we already|just said|told|gave|mentioned|answered|explained",
        "i|we have already|just said|told|given|mentioned|answered|explained",
        "as|like i|we said",
        "the? wrong day|date|city|place|restaurant|one|time|address|name|hotel|person|order",
        "you|that|it|have|has got that|it|this ... wrong",
        "that|this is not correct|right|it",
        "i|we did not|never say|said|ask",
        "misunderstood|misheard me",
        "for the last time",
    ),
    "asked": (
        "are you absolutely|really|quite? sure|certain",
        "check|try|look again",
        "what do you mean",
        "^ why not $",
        "why can you not",
        "why can not you",
        "can|could you repeat",
        "double check",
        "not answer|answered|answering my|the question",
        "any update|news",
        "you just|already asked|said|gave|told|sent",
    ),
    "refused": (
        "^ no i|we would|will|want|do|need|am",
        "^ no thank you",
        "^ no that|it|this|those",
        "^ no none|not|nothing",
        "^ not that|those",
        "none|neither of those|them|these",
        "do|did not want|like|need that|those|any|one|it",
        "anything|something else|different",
        "what|how else",
        "another one|option|time|place|day",
        "that will|would|does not work|do|suit",
    ),
    "waited": (
        "^ hello",
        "are|is you|anybody|anyone|somebody ... there",
        "can|do you hear me",
        "still there|waiting|holding",
    ),
}
"""Turns of a dialogue by what they do; the same kind again and again is a customer not helped."""
