"""A trace as a slider figure: the image on its way from the start to the result."""

from deeprestore_lab.core.checks import check_whole
from deeprestore_lab.course.widgets.rendering import Alt
from deeprestore_lab.course.widgets.sliders import SliderFigure, slider_figure
from deeprestore_lab.solve.trace import Trace


def scrub(
    trace: Trace,
    *,
    caption: str,
    alt: Alt = "The image at step {step}; {text}",
    image: int = 0,
    zoom: int | None = None,
) -> SliderFigure:
    """A slider over the snapshots of `trace`, for one `image` of its batch, with the energy and the PSNR of each.

    `alt` may name `{step}` and `{text}`. Raises `ValueError` for a trace without snapshots or an image it has not.
    """
    steps = sorted(trace.snapshots)
    if not steps:
        raise ValueError("the trace holds no snapshots; run minimise with snapshots=True")
    image = check_whole(image, name="image", least=0, most=trace.x.shape[0] - 1)

    def at_step(step: int):
        row = min(step, trace.energy.shape[0] - 1)
        text = f"energy {float(trace.energy[row, image]):.5g}"
        if trace.psnr is not None:
            text += f", {float(trace.psnr[row, image]):.1f} dB"
        return trace.snapshots[step][image : image + 1], text

    return slider_figure(
        at_step, {"step": steps}, alt=alt, caption=caption, start={"step": steps[-1]}, live=False, zoom=zoom
    )
