"""Records as hypothesis makes them up: with Chinese, emoji, quotes, line ends, U+2028; chats; ties; notes."""

from dataclasses import replace

from hypothesis import strategies as st

from assent.records import Candidates, Comparison, Demonstration, Labelled, Prompt, Rating

AWKWARD = "a你😀é \n\r\t\",'\\\u2028{[#="

# What each kind of text may be: in a cell of CSV not blank; in a transcript without spaces at its ends.
texts = st.text(AWKWARD, max_size=8)
filled = texts.filter(str.strip)
spoken = filled.map(str.strip)


def prompts(text, chats=True):
    """Prompts with a name and notes, texts and, if `chats`, conversations."""
    asked = st.builds(Prompt, text)
    said = st.lists(text, min_size=1, max_size=2).map(_chat) if chats else st.nothing()
    return st.builds(
        lambda prompt, name, meta: replace(prompt, id=name, meta=meta),
        st.one_of(asked, said),
        st.one_of(st.just(""), filled),
        st.one_of(st.just({}), st.fixed_dictionaries({"source": filled, "n": st.integers(0, 9)})),
    )


def _chat(said):
    """system, user, assistant, user: or, of one text, system and user."""
    roles = ["user", "assistant"] * (len(said) - 1) + ["user"]
    messages = [{"role": role, "content": said[k // 2]} for k, role in enumerate(roles)]
    return Prompt(said[-1], ({"role": "system", "content": "Be brief. 你"}, *messages))


def dialogues(text):
    """Prompts as transcripts have them: conversations of two."""
    return st.lists(text, min_size=1, max_size=2).map(
        lambda said: replace(_chat(said), messages=_chat(said).messages[1:])
    )


def told():
    """What is known of a judgement."""
    return st.fixed_dictionaries(
        {
            "annotator": st.one_of(st.just(""), filled),
            "item": st.one_of(st.just(""), filled),
            "seconds": st.one_of(st.none(), st.floats(0, 1e4)),
            "strength": st.one_of(st.none(), st.floats(0, 1)),
            "criterion": st.one_of(st.just(""), filled),
        }
    )


def comparisons(prompt, text, choices=(0, 1, None), count=(2, 4)):
    def built(asked, answers, choice, order, known):
        shown = tuple(k for k in order if k < len(answers))
        return Comparison(asked, tuple(answers), choice, shown_order=shown, **known)

    answers = st.lists(text, min_size=count[0], max_size=count[1])
    return st.builds(built, prompt, answers, st.sampled_from(choices), st.permutations(range(4)), told())


def ordered(prompt, text):
    """Comparisons of three: a ranking, or votes on some pairs."""
    three = comparisons(prompt, text, (None,), (3, 3))
    ranked = st.builds(
        lambda one, order: replace(one, ranking=tuple(order), choice=order[0]),
        three,
        st.permutations(range(3)),
    )
    return ranked | three.map(lambda one: replace(one, pairs=((0, 1, 1), (0, 2, None))))


def ratings(prompt, text, scales=((1.0, 5.0), (0.0, 1.0)), whole=False):
    def built(asked, response, scale, part, criterion, annotator):
        value = scale[0] + (round(part) if whole else part) * (scale[1] - scale[0])
        return Rating(asked, response, value, scale, criterion, annotator)

    return st.builds(
        built,
        prompt,
        text,
        st.sampled_from(scales),
        st.sampled_from([0.0, 0.25, 1.0]),
        st.just("") if whole else st.sampled_from(["", "clear"]),
        st.one_of(st.just(""), filled),
    )


def unjudged(prompt, text):
    def built(asked, name, answers):
        return Candidates(replace(asked, id=name), tuple(answers), asked.meta)

    return st.builds(built, prompt, filled, st.lists(text, min_size=2, max_size=3))


def held_by(name, text, chats):
    """Records that a format can hold and give back equal; with `chats`, conversations where it can."""
    asked, flat, dialogue = prompts(text), prompts(text, chats=False), dialogues(spoken)
    chatted = asked.filter(lambda prompt: prompt.messages)
    either = chatted if chats else flat  # one of them all through a file, as a column has one type
    bare = either.map(lambda prompt: replace(prompt, meta={}, id="x"))
    return {
        "prompts": asked,
        "prompt": either,
        "text": flat,
        "author-content-prompts": chatted,
        "candidates": unjudged(asked, text),
        "k-way-candidates": unjudged(either, text),
        "demonstrations": st.builds(Demonstration, asked, text, st.one_of(st.just(""), filled)),
        "messages": st.builds(Demonstration, chatted, text, st.one_of(st.just(""), filled)),
        "author-content": st.builds(Demonstration, chatted, text),
        "hh-demonstrations": st.builds(Demonstration, dialogue, spoken),
        "prompt-completion": st.builds(Demonstration, either, text),
        "alpaca": st.builds(Demonstration, flat, text),
        "comparisons": comparisons(asked, text, (0, 1, None)) | ordered(asked, text),
        "prompt-chosen-rejected": comparisons(either, text, (0,), (2, 2)),
        "hh": comparisons(dialogue, spoken, (0,), (2, 2)),
        "k-way": comparisons(either, text, (0, 1, None)),
        "label-studio-pairwise": comparisons(bare, text, (0, 1), (2, 2)).map(
            lambda one: Comparison(one.prompt, one.candidates, one.choice, item="x", seconds=one.seconds)
        ),
        "argilla": comparisons(bare, text, (0, 1, None), (2, 3)).map(
            lambda one: Comparison(one.prompt, one.candidates, one.choice, annotator=one.annotator, item="x")
        ),
        "ratings": ratings(asked, text),
        "prompt-response-score": ratings(either, text).map(lambda one: replace(one, criterion="")),
        "good-bad": ratings(either, text, scales=((0.0, 1.0),), whole=True),
        "labelled": st.builds(
            Labelled, filled, st.lists(filled, min_size=1, max_size=2, unique=True).map(tuple)
        ),
    }[name]
