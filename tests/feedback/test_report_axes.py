"""The axes of the report's charts, as a browser draws them."""

from report_samples import made_up_record, stage

from assent.evaluation.report import render


def drawn(browser, tmp_path, **curves):
    """The numbers beside each chart's axis, by its title."""
    metrics = [
        {"step": step} | {name: values[step] for name, values in curves.items()}
        for step in range(len(next(iter(curves.values()))))
    ]
    report = tmp_path / "report.html"
    report.write_text(render(made_up_record(stages=[stage("tuned", "policy", metrics=metrics)])))
    page = browser.new_page()
    page.goto(report.as_uri())
    page.locator("#curves summary").first.click() if page.locator("#curves summary").count() else None
    page.wait_for_function("count => document.querySelectorAll('.plot svg').length == count", arg=len(curves))
    found = page.locator("figure[data-chart]").evaluate_all(
        """figures => figures.map(figure => [
            figure.querySelector('figcaption').firstChild.textContent.trim(),
            [...figure.querySelectorAll('text[text-anchor=end]')]
                .filter(text => text.getAttribute('y') < 160).map(text => text.textContent),
        ])"""
    )
    page.close()
    return dict(found)


def test_a_share_stays_between_nothing_and_all(chromium_browser, tmp_path):
    axes = drawn(
        chromium_browser,
        tmp_path,
        end_rate=[1.0, 1.0, 1.0],
        skipped=[0.0, 0.0, 0.0],
        clip_fraction=[0.0, 0.5, 1.0],
        accuracy=[0.5, 0.5, 0.5],
    )
    assert axes["Skipped updates"] == ["0%", "20%", "40%", "60%", "80%", "100%"]
    assert axes["Clipped"] == ["0%", "20%", "40%", "60%", "80%", "100%"]
    assert axes["Ended by itself"][-1] == "100%"
    assert axes["Accuracy"][0] != "0%"  # it is no wider than what is shown


def test_no_axis_goes_below_zero_where_no_value_does(chromium_browser, tmp_path):
    axes = drawn(
        chromium_browser,
        tmp_path,
        grad_norm=[0.0, 1.0, 2.0],
        ratio_off=[0.0] * 3,
        policy_loss=[-1.0, 0.0, 1.0],
    )
    assert axes["Gradient norm"] == ["0", "0.5", "1", "1.5", "2"]
    assert axes["Distance of the ratio from 1"][0] == "0"
    assert axes["Policy loss"][0].startswith("−1")
