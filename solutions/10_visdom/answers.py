"""Known wrong answers of chapter 10, each with the hint it earns, and other right answers that must pass."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

# -- edits that several answers share --------------------------------------------------------------------------------------

APPEND_LOSS = '                update="append" if step else None,\n'
APPEND_RUN = '            update="append" if number else None,\n'

WRONG = {
    "log_loss": [
        WrongAnswer(
            "no_window_name",
            "You did not name the window, so each message opened a new one.",
            "Name the window in every call: `win=`.",
            (Swap('                win="loss",\n', ""), Swap(APPEND_LOSS, "")),
        ),
        WrongAnswer(
            "drawn_anew_each_time",
            "You drew the window anew with every message: only the last point is left on the page.",
            "The first message draws the window. What should `update=` say in all the others?",
            Swap(APPEND_LOSS, ""),
            also=(Swap('"append" if step', '"replace" if step'),),
        ),
        WrongAnswer(
            "loss_without_a_dimension",
            "You handed the loss itself to `Y`. It has no dimensions, and Visdom wants one or two.",
            "Make a list of one number: `[...]`. `X` wants the same.",
            Swap("Y=[loss.item()]", "Y=loss"),
            also=(Swap("Y=[loss.item()]", "Y=loss.detach()"),),
        ),
        WrongAnswer(
            "bare_number",
            "You handed a bare number to `Y`. Visdom wants a list, an array or a tensor, even for one point.",
            "Put the number in a list.",
            Swap("Y=[loss.item()]", "Y=loss.item()"),
        ),
        WrongAnswer(
            "keeps_the_graphs",
            "You returned the loss tensors: each of them keeps its graph alive, so memory grows with every step.",
            "Keep the number, not the tensor: `item()`.",
            Swap("kept.append(loss.item())", "kept.append(loss)"),
        ),
        WrongAnswer(
            "after_the_training",
            "You collected all losses first and logged then: while the training ran, the page was empty.",
            "Send each point inside the loop that draws from `losses`, and do not turn `losses` into a list.",
            (Swap("    kept = []\n", "    kept = []\n    losses = list(losses)\n")),
        ),
        WrongAnswer(
            "every_step",
            "You logged every step. Only every `every`-th one was asked for.",
            "Ask whether the step is divisible by `every`: `%` gives the remainder.",
            Swap("if step % every == 0:", "if True:"),
        ),
        WrongAnswer(
            "counts_points",
            "Your x-axis counts the points. It should tell the step at which each loss was measured.",
            "Hand on the number of the step itself, also where steps between are not logged.",
            Swap("X=[step]", "X=[step // every]"),
        ),
        WrongAnswer(
            "no_labels",
            "Your curve is right, but nothing is written on it: title and labels are missing.",
            "Give `opts` with title, xlabel and ylabel to the call that draws the window, the first one.",
            Swap('opts={"title": "loss", "xlabel": "step", "ylabel": "loss"}', "opts={}"),
        ),
        WrongAnswer(
            "returns_logged_only",
            "You returned the losses that you logged. All of them were asked for.",
            "Keep the number of each step before you ask whether it is logged.",
            (
                Swap("        kept.append(loss.item())\n", ""),
                Swap("            viz.line(", "            kept.append(loss.item())\n            viz.line("),
                Swap("if step % every == 0:", "if step % every == 0:  # log"),
            ),
        ),
    ],
    "show_images": [
        WrongAnswer(
            "colours_last",
            "You sent the pictures with the colours in the last dimension. Visdom took the height for the colours.",
            "Move the last dimension to place 1: (B, C, H, W).",
            Swap("images.permute(0, 3, 1, 2)", "images"),
        ),
        WrongAnswer(
            "view_in_place_of_permute",
            "The shape you sent is right, but the pixels are scrambled: `view` and `reshape` only count the numbers off anew.",
            "Move the dimension with `permute` or `movedim`.",
            Swap("images.permute(0, 3, 1, 2)", "images.reshape(len(images), 3, *images.shape[1:3])"),
        ),
        WrongAnswer(
            "lying_on_their_side",
            "You swapped height and width on the way: your pictures lie on their side.",
            "Height comes before width: the old places in their new order are 0, 3, 1, 2.",
            Swap("permute(0, 3, 1, 2)", "permute(0, 3, 2, 1)"),
            also=(Swap("permute(0, 3, 1, 2)", "transpose(1, 3)"),),
        ),
        WrongAnswer(
            "colours_reversed",
            "You reversed the colours: red and blue have changed places.",
            "Keep the order of the colours; only their dimension moves.",
            Swap("images.permute(0, 3, 1, 2)", "images.flip(-1).permute(0, 3, 1, 2)"),
        ),
        WrongAnswer(
            "a_window_for_each",
            "You opened a window for each picture.",
            "`viz.images`, with an s, puts a whole batch into one window.",
            Swap(
                'return viz.images(channels_first, nrow=nrow, win="images", opts={"title": "batch"})',
                'for number, image in enumerate(channels_first):\n        viz.image(image, win=f"images {number}")',
            ),
        ),
        WrongAnswer(
            "only_one_picture",
            "You sent only one picture of the batch.",
            "Send the whole batch in one call.",
            Swap("viz.images(channels_first,", "viz.images(channels_first[:1],"),
        ),
        WrongAnswer(
            "each_replaces_the_one_before",
            "You sent the pictures one by one into the same window: each replaced the one before.",
            "`viz.images`, with an s, takes the whole batch in one call.",
            Swap(
                'return viz.images(channels_first, nrow=nrow, win="images", opts={"title": "batch"})',
                'for image in channels_first:\n        viz.image(image, win="images", opts={"title": "batch"})',
            ),
        ),
        WrongAnswer(
            "no_window_name",
            "Your grid is right, but the window has no name: the next batch would open another one.",
            'Name it: `win="images"`.',
            Swap(' win="images",', ""),
        ),
        WrongAnswer(
            "rows_by_default",
            "You left the number of pictures in a row to Visdom, which takes up to 8.",
            "Hand `nrow` on.",
            Swap(" nrow=nrow,", ""),
        ),
    ],
    "log_gradients": [
        WrongAnswer(
            "weights_in_place_of_gradients",
            "You drew the parameters themselves. Their gradients were asked for.",
            "The gradient hangs on the parameter: `.grad`.",
            Swap("parameter.grad.flatten()", "parameter.detach().flatten()"),
            also=(Swap("parameter.grad.flatten()", "parameter.data.flatten()"),),
        ),
        WrongAnswer(
            "not_flattened",
            "You sent a gradient with two dimensions. A histogram takes one row of numbers.",
            "`flatten()` lays all elements in one row.",
            Swap("parameter.grad.flatten()", "parameter.grad"),
        ),
        WrongAnswer(
            "one_window_for_all",
            "All your histograms went into one window, and each replaced the one before.",
            "The name of the parameter belongs into the name of the window.",
            Swap("win=window", 'win="gradients"'),
        ),
        WrongAnswer(
            "no_window_name",
            "You did not name the windows: each call opens a new one, and the next step would open them all again.",
            "Name the window after its parameter: `win=`.",
            Swap(" win=window,", ""),
        ),
        WrongAnswer(
            "stumbles_over_frozen",
            "Your code stops at a frozen parameter: its gradient is None.",
            "Ask first: `if parameter.grad is not None`.",
            Swap("if parameter.grad is not None:", "if True:"),
        ),
        WrongAnswer(
            "frozen_as_zeros",
            "You drew a histogram of zeros for parameters that have no gradient.",
            "No gradient is not a gradient of zero: leave those windows out.",
            (
                Swap("        if parameter.grad is not None:\n", "        if True:\n"),
                Swap(
                    "parameter.grad.flatten()",
                    "(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad).flatten()",
                ),
            ),
        ),
        WrongAnswer(
            "bins_by_default",
            "You left the number of bins to Visdom.",
            "`numbins` goes into `opts`, under the same name.",
            Swap('"numbins": numbins, ', ""),
        ),
        WrongAnswer(
            "clears_the_gradients",
            "Your histograms are right, but afterwards the gradients are gone or changed: the optimizer would miss them.",
            "Look at the gradients, and leave them for whoever comes next.",
            Swap("    return None", "    model.zero_grad()\n    return None"),
            also=(Swap("    return None", "    model.zero_grad(set_to_none=False)\n    return None"),),
        ),
    ],
    "compare_runs": [
        WrongAnswer(
            "a_window_for_each_run",
            "You gave each run a window of its own: the curves do not share their axes.",
            'One window, `win="runs"`, and the run\'s name as `name=`.',
            (Swap('win="runs"', "win=name"), Swap(APPEND_RUN, "")),
        ),
        WrongAnswer(
            "only_the_last_run",
            "You drew the window anew for each run: only the last one is left.",
            "From the second run on, the call must add to the window: `update=`.",
            Swap(APPEND_RUN, ""),
        ),
        WrongAnswer(
            "without_names",
            "You appended every run to one and the same line, which jumps back to step 0.",
            "Give each line its name: `name=`.",
            Swap("            name=name,\n", ""),
        ),
        WrongAnswer(
            "no_legend",
            "Your curves are right, but no legend tells which is which.",
            'The first call needs `"showlegend": True` in `opts`.',
            Swap(', "showlegend": True', ""),
        ),
        WrongAnswer(
            "no_steps",
            "You did not say which steps the losses belong to. Visdom spreads them from 0 to 1, and refuses to append.",
            "Hand on `X`: the numbers 0, 1, 2, ... up to the length of the list.",
            Swap("            X=list(range(len(losses))),\n", ""),
        ),
        WrongAnswer(
            "cut_to_the_shortest",
            "You cut all runs to the length of the shortest one.",
            "A run may be longer than another: give each its own steps.",
            (
                Swap("    for number", "    shortest = min(len(losses) for losses in runs.values())\n    for number"),
                Swap("Y=losses,", "Y=losses[:shortest],"),
                Swap("X=list(range(len(losses)))", "X=list(range(shortest))"),
            ),
        ),
        WrongAnswer(
            "filled_with_zeros",
            "You filled short runs up with zeros: on the page, their losses fall to 0 at the end.",
            "Draw only what was measured: each run with its own steps.",
            (
                Swap("    for number", "    longest = max(len(losses) for losses in runs.values())\n    for number"),
                Swap("Y=losses,", "Y=losses + [0.0] * (longest - len(losses)),"),
                Swap("X=list(range(len(losses)))", "X=list(range(longest))"),
            ),
        ),
        WrongAnswer(
            "no_title",
            "Your window is right, but it has no title.",
            "A title goes into `opts`, in the call that draws the window.",
            Swap('"title": "runs", ', ""),
        ),
    ],
    "log_experiments": [
        WrongAnswer(
            "one_dashboard_for_all",
            "Everything went to the client's own dashboard, so the experiments overwrote one another.",
            "Name the dashboard in every call: `env=`.",
            (Swap('win="loss", env=env', 'win="loss"'), Swap('win="settings", env=env', 'win="settings"')),
        ),
        WrongAnswer(
            "text_elsewhere",
            "Your curves lie on their dashboards, but the settings went to the client's own one.",
            "`env=` is needed in both calls.",
            Swap('win="settings", env=env', 'win="settings"'),
        ),
        WrongAnswer(
            "curve_elsewhere",
            "Your settings lie on their dashboards, but the curves went to the client's own one.",
            "`env=` is needed in both calls.",
            Swap('win="loss", env=env', 'win="loss"'),
        ),
        WrongAnswer(
            "without_the_prefix",
            "You named the dashboards by the experiments alone.",
            "`course_` stands before the name, so that the page groups these dashboards.",
            Swap('f"course_{name}"', "name"),
        ),
        WrongAnswer(
            "all_on_one_named_dashboard",
            "You put all experiments on one dashboard: their windows have the same names and overwrote one another.",
            "The name of the experiment belongs into the name of the dashboard.",
            Swap('f"course_{name}"', '"course"'),
        ),
        WrongAnswer(
            "leaves_the_client_elsewhere",
            "The dashboards are right, but you left `viz.env` changed: whatever is logged next lands on the last experiment's.",
            "Use `env=` in the calls, or put `viz.env` back at the end.",
            (
                Swap('env = f"course_{name}"', 'viz.env = f"course_{name}"'),
                Swap('win="loss", env=env', 'win="loss"'),
                Swap('win="settings", env=env', 'win="settings"'),
            ),
        ),
        WrongAnswer(
            "another_client",
            "You made a client of your own. Without a server, its calls print pages of traceback and log nothing.",
            "The client you were given can reach every dashboard: `env=`.",
            """
def log_experiments(viz: Visdom, experiments: dict[str, dict]):
    for name, experiment in experiments.items():
        mine = Visdom(env=f"course_{name}")
        mine.line(Y=experiment["losses"], X=list(range(len(experiment["losses"]))), win="loss")
        mine.text(f"lr = {experiment['lr']}", win="settings")
""",
        ),
        WrongAnswer(
            "windows_without_names",
            "The dashboards are right, but their windows have no names: the next call would open more of them.",
            'Name both windows: `win="loss"` and `win="settings"`.',
            (Swap(' win="loss",', ""), Swap(' win="settings",', "")),
        ),
        WrongAnswer(
            "bare_value",
            "Your text holds the value alone. A week later nobody knows what it was.",
            "Write what it is, too: `lr = 0.25`.",
            Swap("f\"lr = {experiment['lr']}\"", "str(experiment['lr'])"),
        ),
    ],
}

RIGHT = {
    "log_loss": [
        RightAnswer("always_append", Swap('update="append" if step else None', 'update="append"')),
        RightAnswer(
            "as_a_tensor_with_one_element",
            (Swap("Y=[loss.item()]", "Y=loss.reshape(1)"), Swap("X=[step]", "X=torch.tensor([float(step)])")),
        ),
        RightAnswer(
            "window_first_then_points",
            """
def log_loss(viz, losses, every):
    numbers, update = [], None
    for loss in losses:
        number = float(loss)
        step = len(numbers)
        numbers.append(number)
        if step % every:
            continue
        viz.line([number], [step], win="loss", update=update)
        if update is None:
            viz.update_window_opts("loss", dict(title="loss", xlabel="step", ylabel="loss"))
        update = "append"
    return numbers
""",
        ),
        RightAnswer(
            "whole_curve_each_time",
            """
def log_loss(viz, losses, every):
    everything, x, y = [], [], []
    opts = dict(title="loss", xlabel="step", ylabel="loss", markers=True)
    for step, loss in enumerate(losses):
        everything += [loss.detach().cpu().item()]
        if step in range(0, step + 1, every):
            x, y = x + [step], y + [everything[-1]]
            viz.line(Y=torch.tensor(y), X=torch.tensor(x), win="loss", opts=opts)
    return everything
""",
        ),
    ],
    "show_images": [
        RightAnswer("as_fractions", Swap("images.permute(0, 3, 1, 2)", "images.movedim(-1, 1).float() / 255")),
        RightAnswer("as_a_list", Swap("images.permute(0, 3, 1, 2)", "[image.permute(2, 0, 1).numpy() for image in images]")),
        RightAnswer("two_transposes", Swap("permute(0, 3, 1, 2)", "transpose(1, 3).transpose(2, 3)")),
        RightAnswer(
            "torchvisions_grid",
            """
def show_images(viz, images, nrow):
    from torchvision.utils import make_grid

    grid = make_grid(torch.einsum("bhwc->bchw", images), nrow=nrow, padding=3)
    viz.image(grid, win="images", opts=dict(title="batch"))
""",
        ),
    ],
    "log_gradients": [
        RightAnswer(
            "collects_first",
            """
def log_gradients(viz, model, numbins):
    gradients = {name: p.grad.detach().cpu().numpy().ravel() for name, p in model.named_parameters() if p.requires_grad}
    for name in gradients:
        title = "gradient of " + name
        viz.histogram(X=gradients[name], win=title, opts=dict(title=title, numbins=numbins))
    return list(gradients)
""",
        ),
        RightAnswer("reshaped", Swap("parameter.grad.flatten()", "parameter.grad.reshape(-1)")),
        RightAnswer(
            "counted_by_torch",
            """
def log_gradients(viz, model, numbins):
    for name, parameter in model.named_parameters():
        grad = parameter.grad
        if grad is None:
            continue
        low, high = grad.min().item(), grad.max().item()
        counts = torch.histc(grad, numbins, low, high)
        opts = {"title": f"gradient of {name}"}
        viz.bar(X=counts, Y=torch.linspace(low, high, numbins), win=opts["title"], opts=opts)
""",
        ),
    ],
    "compare_runs": [
        RightAnswer(
            "point_by_point",
            """
def compare_runs(viz, runs):
    for name, losses in runs.items():
        for step, loss in enumerate(losses):
            opts = dict(title="runs", showlegend=True)
            viz.line(Y=[loss], X=[step], win="runs", name=name, update="append", opts=opts)
""",
        ),
        RightAnswer(
            "one_call_with_gaps",
            """
def compare_runs(viz, runs):
    steps = max(map(len, runs.values()))
    table = torch.full((steps, len(runs)), float("nan"))
    for column, losses in enumerate(runs.values()):
        table[: len(losses), column] = torch.tensor(losses)
    viz.line(Y=table, X=torch.arange(steps), win="runs", opts={"title": "runs", "legend": list(runs)})
""",
        ),
        RightAnswer(
            "empty_first_run",
            """
def compare_runs(viz, runs):
    update = None
    for name in runs:
        y = torch.tensor(runs[name])
        x = torch.arange(len(y))
        viz.line(y, x, name=name, win="runs", update=update, opts={"title": "runs", "legend": [name], "markers": True})
        update = "append"
""",
        ),
    ],
    "log_experiments": [
        RightAnswer(
            "moves_the_client_and_back",
            """
def log_experiments(viz, experiments):
    home = viz.env
    for name in experiments:
        viz.env = "course_" + name
        viz.text("lr = {}".format(experiments[name]["lr"]), win="settings")
        viz.line(Y=torch.tensor(experiments[name]["losses"]), X=torch.arange(len(experiments[name]["losses"])), win="loss")
    viz.env = home
""",
        ),
        RightAnswer(
            "point_by_point",
            """
def log_experiments(viz, experiments):
    def one(where, lr, losses):
        for step, loss in enumerate(losses):
            viz.line([loss], [step], "loss", where, update="append", opts={"title": "loss"})
        viz.text(f"lr = {lr}", "settings", where)

    for name, experiment in experiments.items():
        one(f"course_{name}", **experiment)
""",
        ),
    ],
}
