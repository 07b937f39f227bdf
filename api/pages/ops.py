"""The operators' page: how the shop runs, and its failed jobs."""

from functools import cache

from api.pages.people import demo_people, people_bar
from api.pages.shell import page

_BODY = """\
<div class="ops">
{people}
<div class="title-row">
<h1>Operators</h1>
<p class="row"><span id="updated" class="muted small" role="timer"></span>
<button type="button" id="again" class="small-button">Read again</button></p>
</div>
<noscript><p class="notice warning">The page needs JavaScript. Programs read
<code>/metrics</code> and <code>/health</code>.</p></noscript>
<ul class="tiles" id="health" aria-label="Health"></ul>
<p class="notice" id="closed" hidden>Figures and jobs are for admins: sign in as one.</p>
<div id="panels" hidden>
<div id="figures"></div>
<section id="queue" aria-label="Jobs" hidden></section>
<section id="sales" aria-label="Sales" hidden></section>
<div id="tables"></div>
</div>
</div>
"""


@cache
def ops_page(*, demo: bool, measured: bool) -> bytes:
    """The page; ``measured`` says that this server has `/metrics`."""
    return page(
        "Operators",
        _BODY.format(people=people_bar(demo=demo)),
        scripts=("/assets/ops/main.js",),
        styles=("/assets/people.css", "/assets/ops.css"),
        data={"people": demo_people() if demo else [], "metrics": measured},
        current="/ops",
    )
