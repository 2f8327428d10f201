"""What the procedure can be told: the same values for the dialog, for scripts and for the settings that GIMP keeps.

An argument's nick is the label in the dialog, its blurb the tooltip and the text in the Procedure Browser. The
mnemonics of all labels differ from each other and from those of GIMP's own buttons (C, H, L, O, R, S).
"""

from __future__ import annotations

from gi.repository import Gimp, GObject

from .i18n import _

READ_WRITE = GObject.ParamFlags.READWRITE
PRESETS = (
    ("draft", _("Draft"), _("A quick look at what the style does to the picture")),
    ("normal", _("Normal"), _("Good quality in a short time")),
    ("high", _("High"), _("The most careful painting; takes several times as long")),
    (
        "full",
        _("Full size"),
        _("Like Normal, then painted on up to the layer's own size; a large layer takes very long"),
    ),
)
OPTIMISERS = (
    ("lbfgs", _("L-BFGS"), _("Finished strokes in the shortest time")),
    (
        "adam",
        _("Adam"),
        _("Broader, lighter strokes that keep less of the layer; takes three times as long to come near L-BFGS"),
    ),
)
POOLINGS = (
    ("average", _("Average"), _("Smooth, even brushwork")),
    ("max", _("Maximum"), _("Harder, busier brushwork")),
)
INITS = (
    ("content", _("The layer"), _("Keeps the layer's forms best")),
    ("noise", _("Noise"), _("The style is free to invent; each seed gives another picture")),
    ("mixed", _("Layer and noise"), _("Between the two: the layer's forms with more of the seed's chance")),
)
DEVICES = (
    ("auto", _("Automatic"), _("A graphics card if there is one that can be used, else the processor")),
    ("cpu", _("Processor"), _("Always works")),
    ("cuda", _("NVIDIA graphics card"), _("Much faster than the processor")),
    ("mps", _("Apple graphics processor"), _("Faster than the processor")),
)
OPTIONS = {"preset": PRESETS, "optimiser": OPTIMISERS, "pooling": POOLINGS, "init": INITS, "device": DEVICES}


def option_label(name: str, value: str) -> str:
    """What the dialog calls a value of an argument; the value itself where it is not one of a few."""
    return next((label for option, label, _tip in OPTIONS.get(name, ()) if option == value), value)


def add_arguments(procedure: Gimp.Procedure) -> None:
    """Declare every argument, in the order of the dialog."""
    _add_styles(procedure)
    _add_usual(procedure)
    _add_advanced(procedure)
    _add_for_the_dialog(procedure)


def _add_styles(procedure: Gimp.Procedure) -> None:
    procedure.add_file_argument(
        "style-file",
        _("Style file"),
        _("The picture whose colours, brush strokes and textures the layer is painted with"),
        Gimp.FileChooserAction.ANY,
        True,
        None,
        READ_WRITE,
    )
    procedure.add_drawable_argument(
        "style-layer",
        _("Style layer"),
        _(
            "A layer of any open image to take the style from, instead of the style picture. "
            "GIMP does not keep it for the next run, which uses the style picture"
        ),
        True,
        READ_WRITE,
    )
    procedure.add_double_argument(
        "style-weight",
        _("Style weight"),
        _("How much the picture takes after this style, compared with the weights of the further styles"),
        0.01,
        100.0,
        1.0,
        READ_WRITE,
    )
    procedure.add_string_argument(
        "more-styles",
        _("Mi_x with further styles"),
        _(
            "Styles that are mixed with the first one, one in each line: its weight, a tab, and the path or URI of "
            "a picture"
        ),
        "",
        READ_WRITE,
    )


def _add_usual(procedure: Gimp.Procedure) -> None:
    _add_choice(
        procedure,
        "preset",
        _("_Quality"),
        _(
            "How long to paint: Draft shows the idea in the shortest time, High takes the most care with the strokes, "
            "Full size paints strokes as fine as the layer's own pixels"
        ),
        PRESETS,
        "normal",
    )
    procedure.add_double_argument(
        "style-strength",
        _("S_tyle strength"),
        _("Below 1 the layer stays closer to the original, above 1 the style takes over more of it"),
        0.01,
        100.0,
        1.0,
        READ_WRITE,
    )
    procedure.add_double_argument(
        "stroke-size",
        _("Stroke si_ze"),
        _(
            "How large the brush strokes and patterns are: 0.5 makes them half as large, 2 twice as large, "
            "as far as the style picture has the pixels for it"
        ),
        0.25,
        4.0,
        1.0,
        READ_WRITE,
    )
    procedure.add_boolean_argument(
        "keep-colors",
        _("Keep the layer's colo_urs"),
        _("Takes only light, dark and brush strokes from the style; the colours stay those of the layer"),
        False,
        READ_WRITE,
    )
    procedure.add_int_argument(
        "size",
        _("_Working size"),
        _(
            "The longer side, in pixels, at which the picture is painted before it is brought to the layer's own "
            "size. Larger gives finer strokes in relation to the picture and more detail, and takes longer"
        ),
        64,
        8192,
        512,
        READ_WRITE,
    )
    procedure.add_int_argument(
        "seed",
        _("See_d"),
        _(
            "If the painting starts from noise, another number gives another picture of the same kind, and the same "
            "number the same picture again; otherwise it changes nothing"
        ),
        0,
        2**31 - 1,
        0,
        READ_WRITE,
    )


def _add_advanced(procedure: Gimp.Procedure) -> None:
    procedure.add_string_argument(
        "style-layers",
        _("Style layers"),
        _(
            "How much the picture takes after the style in colour, grain, strokes, shapes and large forms: layers of "
            "the network, from the first to the last, such as conv1_1=1,conv3_1=0.5; empty is a good balance"
        ),
        "",
        READ_WRITE,
    )
    procedure.add_string_argument(
        "content-layers",
        _("Content layers"),
        _(
            "How much of the layer's own detail the picture keeps: much with an early layer of the network, such as "
            "conv2_2=1, only its large forms with a late one, such as conv5_2=1; empty is conv4_2"
        ),
        "",
        READ_WRITE,
    )
    procedure.add_int_argument(
        "steps",
        _("Iteratio_ns"),
        _("More iterations bring the picture closer to the style and take longer; 0 is what the quality says"),
        0,
        100_000,
        0,
        READ_WRITE,
    )
    _add_choice(
        procedure,
        "optimiser",
        _("Opt_imiser"),
        _(
            "L-BFGS gives finished strokes soonest; after as many iterations those of Adam are broader and lighter, "
            "and less of the layer is left"
        ),
        OPTIMISERS,
        "lbfgs",
    )
    _add_choice(
        procedure,
        "pooling",
        _("Poolin_g"),
        _("Average paints smooth, even strokes, Maximum busier and harder ones"),
        POOLINGS,
        "average",
    )
    procedure.add_double_argument(
        "smoothness",
        _("Smoothn_ess"),
        _("0 leaves all grain in the picture, 1 is usual, more wipes fine strokes and noise away"),
        0.0,
        100.0,
        1.0,
        READ_WRITE,
    )
    _add_choice(
        procedure,
        "init",
        _("Start fro_m"),
        _("What the painting begins with: the layer keeps its forms best, noise lets the style invent"),
        INITS,
        "content",
    )
    _add_choice(
        procedure,
        "device",
        _("Device"),
        _("Which part of the computer paints; the picture is the same, the time is not"),
        DEVICES,
        "auto",
    )
    procedure.add_string_argument(
        "backend",
        _("Bac_kend"),
        _(
            "The computer that paints; the picture is the same. Write local for this one, tcp://HOST:PORT for "
            "another one, or nothing for what was chosen with `neural-style remote use`"
        ),
        "",
        READ_WRITE,
    )
    procedure.add_boolean_argument(
        "keep-on-cancel",
        _("Keep the unfinished layer when cancelled"),
        _("After Cancel the new layer stays as it is painted by then; otherwise the image is as it was before"),
        False,
        READ_WRITE,
    )


def _add_for_the_dialog(procedure: Gimp.Procedure) -> None:
    """What GIMP keeps with the settings, but no script can tell."""
    procedure.add_boolean_aux_argument(
        "preview",
        _("Pre_view"),
        _("Shows beside the settings how the picture will look, as a small draft; painting it takes some seconds"),
        True,
        READ_WRITE,
    )


def _add_choice(
    procedure: Gimp.Procedure, name: str, nick: str, blurb: str, options: tuple[tuple[str, str, str], ...], usual: str
) -> None:
    choice = Gimp.Choice.new()
    for number, (option, label, tip) in enumerate(options):
        choice.add(option, number, label, tip)
    procedure.add_choice_argument(name, nick, blurb, choice, usual, READ_WRITE)
