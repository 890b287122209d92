"""Errors for names that are missing: PyTorch's beginning, the nearest name, no work unless read."""

import pickle
import traceback

from facula._names import missing, missing_attribute


def test_text():
    error = missing("torch.nn", "Liner", ["Linear", "LSTM"])
    assert isinstance(error, AttributeError)
    assert str(error) == (
        "module 'torch.nn' has no attribute 'Liner': facula does not have it; "
        "the nearest name it has is 'Linear'"
    )
    assert error.name == "Liner"
    assert repr(error).startswith('AttributeError("module')


def test_facula_s_own_name_is_translated():
    assert (
        str(missing("facula.nn", "x", []))
        == "module 'torch.nn' has no attribute 'x': facula does not have it"
    )


def test_case_is_no_difference_and_private_names_are_not_offered():
    assert "'LSTM'" in str(missing("torch.nn", "lstm", ["LSTM", "_lstm"]))
    assert "nearest" not in str(missing("torch", "lstm", ["_lstm"]))


def test_candidates_may_be_a_function_a_module_or_an_object():
    assert "'zeros'" in str(missing("torch", "zeroes", lambda: ["ones", "zeros"]))
    assert "'whichmodule'" in str(missing("pickle", "whichmodul", pickle))
    assert str(missing_attribute([], "appendd")) == (
        "'list' object has no attribute 'appendd': facula does not have it; "
        "the nearest name it has is 'append'"
    )
    assert str(missing_attribute(list, "appendd")).startswith("type object 'list' has no attribute 'appendd'")


def test_nothing_is_searched_before_the_text_is_read():
    def never():
        raise AssertionError("searched")

    error = missing("torch", "x", never)
    # And a search that fails leaves the plain text.
    assert str(error) == "module 'torch' has no attribute 'x': facula does not have it"


def test_shown_as_attribute_error_with_one_suggestion():
    class Space:
        apple = 1

        def __getattr__(self, name):
            raise missing_attribute(self, name)

    try:
        print(Space().aple)
    except AttributeError as error:
        text = "".join(traceback.format_exception_only(type(error), error))
    assert text == (
        "AttributeError: 'Space' object has no attribute 'aple': facula does not have it; "
        "the nearest name it has is 'apple'\n"
    )


def test_pickles_as_attribute_error():
    error = pickle.loads(pickle.dumps(missing("torch", "zeroes", ["zeros"])))
    assert type(error) is AttributeError and "'zeros'" in str(error)
