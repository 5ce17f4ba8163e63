"""Phrases that recorded voices say: menus, queues, mailboxes, announcements. English; pure.

As recognisers write them, small words misheard among them.
"""

from __future__ import annotations

import re

_DIGIT = "(?:zero|one|two|three|four|five|six|seven|eight|nine|star|pound|hash)"
_STAFF = "(?:agents?|operators?|representatives?|advisers?|advisors?|associates?|colleagues?|staff)"
_FORMULAS = tuple(
    re.compile(rf"\b{pattern}\b")
    for pattern in (
        rf"(?:please )?press(?: or say)?(?: the)? {_DIGIT}(?: key)?",
        rf"(?:dial|say|enter) {_DIGIT} (?:for|to)",
        "(?:after|at|wait for|following) the (?:tone|beep|signal)",
        "leave (?:a|your|me a|us a) (?:message|name|number|detailed message)",
        "record your (?:message|name)",
        "(?:your|you're) c?all (?:is|remains|in|in is) (?:very )?important",
        "call will be answered",
        "call (?:may|might|will|could|is being) (?:be )?(?:recorded|monitored)",
        "(?:for|to) (?:quality|training)(?: and| or)?(?: quality| training)? purposes",
        "cannot be completed(?: as (?:dialed|dialled))?",
        "(?:number|person|party|subscriber|customer|extension) you "
        "(?:have |are |were |ve )?(?:dialed|dialled|called|calling|trying to (?:reach|call))",
        "(?:is not|no longer|is no longer) in service",
        "check the number and (?:dial|try|call)",
        "(?:please )?(?:try (?:your call )?again|call (?:back|again)) (?:later|in a few minutes)",
        rf"all (?:of |about |in )?(?:our )?(?:{_STAFF}|lines|circuits) are "
        "(?:currently |still |now )?busy",
        rf"next (?:available|free) {_STAFF}",
        "(?:stay|remain|hold) on the line",
        "hold the line",
        "(?:in the order|answered in the order)(?: in which)?(?: it was)? received",
        "(?:estimated|expected|approximate|average) wait(?:ing)?(?: time)?",
        "caller (?:number )?(?:one|two|three|four|five|six|seven|eight|nine|ten)",
        "number (?:one|two|three|four|five|six|seven|eight|nine|ten) in (?:the )?(?:queue|line)",
        "(?:reached|this is) the (?:voice ?mail|mail ?box|answering)",
        "mail ?box (?:of|is full|for)",
        "(?:cannot|can not|unable to|not) accept(?:ing)? (?:any |new |more ){0,2}"
        "(?:messages|calls)",
        "(?:voice ?mail|mail ?box)(?: box)? that has not (?:yet )?been set up",
        "(?:cannot|can not|unable to) (?:come to|get to|answer) (?:the phone|your call)",
        "not available (?:right now|at the moment|to take your call)",
        "our (?:menu|options) (?:have|has) (?:recently )?changed",
        "listen (?:carefully )?to the following (?:options|menu)",
        "main menu",
        "(?:our )?(?:office|business|opening) hours are",
        "you are being (?:transferred|connected)",
        "(?:please )?(?:hold|wait) while (?:i|we) (?:connect|transfer|try)",
        rf"(?:touch|push) (?:the )?{_DIGIT}",
        r"(?:enter|type in|key in) your (?:\w+ ){0,3}(?:number|code|pin|passcode|password)",
        "followed by (?:the )?(?:pound|hash|star)",
        "number (?:you )?(?:have |had )?(?:dialed |dialled |called )?has (?:been )?changed",
        "the new number is",
        "please hang up",
        "your call (?:has failed|(?:could not|cannot|can not) be)",
        "(?:not have|have not|insufficient) (?:enough |sufficient )?credit",
        "top up your account",
        "(?:offices?|lines) (?:is|are) (?:now |currently )?closed(?: at the moment)?",
        "we are open (?:from )?(?:monday|seven|eight|nine)",
        "you can say things like",
        rf"(?:all|each) of our (?:team members|specialists|{_STAFF}) are "
        "(?:helping|assisting|with|serving)",
        r"(?:somebody|someone|an? \w+) will be with you (?:shortly|soon)",
        "(?:call|conversation)s? (?:is|are) (?:being )?(?:recorded|monitored)",
        "music will play until",
        "(?:first|only) person in (?:this|the) (?:conference|meeting)",
        "(?:cannot|can not) take any more messages",
        "calls to this (?:destination|number) are (?:blocked|barred)",
        r"(?:answer|complete) (?:a|two|three|our) (?:\w+ ){0,2}(?:questions?|survey) about",
    )
)


def formulas(text: str) -> int:
    """How many different phrases of machines are in a transcript: lower case, no punctuation."""
    return sum(bool(pattern.search(text)) for pattern in _FORMULAS)
