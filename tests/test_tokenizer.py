import pytest
import torch
from tiny_models import SENTENCES

from assent.batch import Tokens
from assent.errors import UserError
from assent.models.tokenizer import Template, Tokenizer
from assent.records import Prompt

CHAT = (
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "Bye"},
)


def test_a_template_stands_around_the_text(bpe):
    tokenizer = Tokenizer(bpe, Template(instruction="I: ", prefix="<", suffix=">"))
    assert tokenizer.render(Prompt("text")) == "I: <text>"
    ids, cut = tokenizer.prompt_ids(Prompt("text"))
    assert bpe.decode(ids) == "I: <text>"
    assert not cut


def test_a_chat_without_a_template_of_the_tokenizers_own(bpe):
    tokenizer = Tokenizer(bpe, Template(instruction="I\n"))
    expected = "I\nBe kind.\nUser: Hi\nAssistant: Hello\nUser: Bye\nAssistant:"
    assert tokenizer.render(Prompt("Bye", CHAT)) == expected


def test_a_chat_with_the_tokenizers_own_template(bpe):
    bpe.chat_template = (
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    tokenizer = Tokenizer(bpe, Template(instruction="not used"))
    rendered = tokenizer.render(Prompt("Bye", CHAT))
    assert rendered == "[system]Be kind.[user]Hi[assistant]Hello[user]Bye[assistant]"


def test_a_chat_template_writes_the_first_token_itself(bpe):
    from tokenizers.processors import TemplateProcessing

    bpe.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", bpe.eos_token_id)]
    )
    bpe.chat_template = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"
    tokenizer = Tokenizer(bpe, Template())
    assert tokenizer.prompt_ids(Prompt("Bye", CHAT))[0].count(bpe.bos_token_id) == 1
    assert tokenizer.prompt_ids(Prompt("Bye"))[0].count(bpe.bos_token_id) == 1


def test_an_unknown_role(bpe):
    prompt = Prompt("x", ({"role": "tool", "content": "x"},))
    with pytest.raises(UserError, match="unknown role 'tool'"):
        Tokenizer(bpe, Template()).render(prompt)


def test_prompts_are_padded_on_the_left_and_answers_on_the_right(bpe):
    tokenizer = Tokenizer(bpe, Template())
    prompts, _ = tokenizer.prompts([Prompt("a"), Prompt("a b c d")])
    assert prompts.mask[0].tolist() == sorted(prompts.mask[0].tolist())
    assert prompts.mask[0].sum() < prompts.mask[1].sum()
    answers, _ = tokenizer.responses(["a", "a b c d"])
    assert answers.mask[0].tolist() == sorted(answers.mask[0].tolist(), reverse=True)


def test_the_end_token_is_real_although_it_also_pads(bpe):
    tokenizer = Tokenizer(bpe, Template())
    assert tokenizer.pad_id == tokenizer.end_id
    answers, _ = tokenizer.responses(["", "one two"])
    assert answers.lengths[0] == 1
    assert answers.ids[0, 0] == tokenizer.end_id
    last = answers.lengths[1] - 1
    assert answers.ids[1, last] == tokenizer.end_id


def test_a_tokenizer_without_a_pad(bpe):
    bpe.pad_token = None
    tokenizer = Tokenizer(bpe, Template())
    assert tokenizer.pad_id == tokenizer.end_id
    assert tokenizer.prompts([Prompt("a"), Prompt("a b")])[0].mask.sum() > 0


def test_a_tokenizer_without_an_end(bpe):
    bpe.eos_token = None
    with pytest.raises(UserError, match="no end token"):
        Tokenizer(bpe, Template())


def test_an_empty_answer_is_one_end_token_with_a_prefix_too(bpe):
    tokenizer = Tokenizer(bpe, Template(answer_prefix=" "))
    assert tokenizer.response_ids("") == ([tokenizer.end_id], False)


def test_an_empty_prompt_is_something_to_read(bpe):
    tokenizer = Tokenizer(bpe, Template())
    assert tokenizer.prompt_ids(Prompt("")) == ([tokenizer.end_id], False)


def test_cut_answers_are_counted_and_have_no_end(bpe):
    tokenizer = Tokenizer(bpe, Template())
    whole = bpe.encode("she loved the ball", add_special_tokens=False)
    answers, cut = tokenizer.responses(["she loved the ball", "x"], max_tokens=3)
    assert cut == 1
    assert answers.ids[0].tolist() == whole[:3]
    assert answers.lengths.tolist() == [3, 2]


def test_an_answer_that_just_fits_keeps_its_end(bpe):
    tokenizer = Tokenizer(bpe, Template())
    whole = tokenizer.response_ids("she loved the ball")[0]
    assert tokenizer.response_ids("she loved the ball", len(whole)) == (whole, False)
    assert tokenizer.response_ids("she loved the ball", len(whole) - 1) == (whole[:-1], True)


def test_a_long_prompt_loses_its_beginning_and_keeps_its_template(bpe):
    tokenizer = Tokenizer(bpe, Template(instruction="Do: ", suffix=" =>", max_prompt_tokens=20))
    text = " ".join(str(number) for number in range(100))
    prompts, cut = tokenizer.prompts([Prompt(text), Prompt("short")])
    assert cut == 1
    assert prompts.ids.shape[1] <= 20
    written = bpe.decode(prompts.ids[0][prompts.mask[0]])
    assert written.startswith("Do: ")
    assert written.endswith("98 99 =>")


def test_a_template_that_leaves_no_room(bpe):
    tokenizer = Tokenizer(bpe, Template(instruction="a long instruction", max_prompt_tokens=4))
    with pytest.raises(UserError, match="max_prompt_tokens is 4, and the template alone takes"):
        tokenizer.prompt_ids(Prompt("text"))


def test_a_long_chat_keeps_its_end(bpe):
    tokenizer = Tokenizer(bpe, Template(max_prompt_tokens=12))
    ids, cut = tokenizer.prompt_ids(Prompt("Bye", CHAT))
    assert cut
    assert len(ids) == 12
    assert bpe.decode(ids).endswith("Assistant:")


@pytest.mark.parametrize("prefix", ["", " ", "A: "])
def test_round_trip(bpe, prefix):
    tokenizer = Tokenizer(bpe, Template(answer_prefix=prefix))
    texts = [*SENTENCES, "", "  two  spaces, é, 你好, \U0001f600\nand a line "]
    assert tokenizer.texts(tokenizer.responses(texts)[0]) == texts


def test_padding_is_no_part_of_the_text(bpe):
    tokenizer = Tokenizer(bpe, Template())
    ids = torch.tensor([bpe.encode("ab")])
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[0, 1:] = False
    assert tokenizer.texts(Tokens(ids, mask)) == [bpe.decode(ids[0, :1])]


def test_a_document_ends(bpe):
    tokenizer = Tokenizer(bpe, Template())
    assert tokenizer.document_ids("ab")[-1] == tokenizer.end_id


@pytest.mark.parametrize("is_encoder_decoder", [False, True])
def test_only_an_encoder_reads_a_closing_token(bpe, is_encoder_decoder):
    from tokenizers.processors import TemplateProcessing

    bpe.backend_tokenizer.post_processor = TemplateProcessing(
        single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", bpe.eos_token_id)]
    )
    tokenizer = Tokenizer(bpe, Template(), is_encoder_decoder)
    ids, _ = tokenizer.prompt_ids(Prompt("text"))
    assert (ids[-1] == tokenizer.end_id) == is_encoder_decoder
    assert tokenizer.response_ids("text")[0].count(tokenizer.end_id) == 1
