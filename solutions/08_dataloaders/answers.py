"""Known wrong answers of chapter 08, each with the hint it earns, and other right answers that must pass."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

WRONG = {
    "table_dataset": [
        WrongAnswer(
            "length_one_too_many",
            "You reported one row more than there is: the loader asks for it in the last batch, and gets an IndexError.",
            "The last index is the length minus one already, since counting starts at 0. Leave the length as it is.",
            Swap("return len(self.table)", "return len(self.table) + 1"),
        ),
        WrongAnswer(
            "length_one_too_few",
            "You reported one row less than there is, so the last sample is never seen.",
            "The length is the number of rows; the loader itself stops before that index.",
            Swap("return len(self.table)", "return len(self.table) - 1"),
        ),
        WrongAnswer(
            "counts_all_numbers",
            "You reported how many numbers the table holds, not how many rows.",
            "A sample is a row: count along the first dimension only.",
            Swap("return len(self.table)", "return self.table.numel()"),
        ),
        WrongAnswer(
            "label_left_in_x",
            "You left the label in x: the net would read the answer off its input.",
            "x is the row without its last number.",
            Swap("self.table[index, :-1]", "self.table[index]"),
        ),
        WrongAnswer(
            "label_from_the_front",
            "You took the label from the first column; here it stands in the last.",
            "Swap the ends: which index names the last column, and which slice is all before it?",
            (Swap("self.table[index, :-1]", "self.table[index, 1:]"), Swap("self.table[index, -1]", "self.table[index, 0]")),
        ),
        WrongAnswer(
            "label_still_float",
            "You left the label a float. Losses for classes, such as cross_entropy, want int64.",
            "A method of one word turns a tensor into int64.",
            Swap("[index, -1].long()", "[index, -1]"),
        ),
        WrongAnswer(
            "label_first",
            "You returned the label first and the measurements second.",
            "The order of a sample is x, then y.",
            Swap("return x, y", "return y, x"),
        ),
        WrongAnswer(
            "transform_forgotten",
            "You kept the transform, or not even that, but never called it.",
            "Where a sample is fetched, ask whether there is a transform, and call it on x.",
            Swap("if self.transform is not None", "if False"),
        ),
        WrongAnswer(
            "transform_only_once",
            "You transformed all rows once, when the Dataset was made. A random transform would then be frozen for all epochs.",
            "Keep the transform in `__init__`, and call it in `__getitem__`, each time anew.",
            (
                Swap(
                    "        self.table = table\n",
                    "        if transform is not None:\n"
                    "            table = torch.stack([torch.cat([transform(row[:-1]), row[-1:]]) for row in table])\n"
                    "        self.table = table\n",
                ),
                Swap("self.transform = transform", "self.transform = None"),
            ),
        ),
        WrongAnswer(
            "transform_on_the_label_too",
            "You gave the whole row to the transform, so the label was changed as well.",
            "Separate x and y first; the transform is for x.",
            (
                Swap(
                    "        x = self.table[index, :-1]\n        y = self.table[index, -1].long()\n",
                    "        x = self.table[index]\n",
                ),
                Swap("        return x, y", "        return x[:-1], x[-1].long()"),
            ),
        ),
        WrongAnswer(
            "x_as_a_list",
            "You returned x as a Python list, and the loader made a list of columns of it in place of one tensor (B, D).",
            "Return x as a tensor: then the loader stacks the samples along a new first dimension.",
            Swap("return x, y", "return x.tolist(), y"),
        ),
    ],
    "standardise": [
        WrongAnswer(
            "statistics_of_all_images",
            "You took the mean and the deviation over training and validation images together.",
            "The validation part must stay unseen: compute both numbers from `train` alone.",
            (
                Swap("train.mean(dim=(0, 2, 3))", "torch.cat([train, valid]).mean(dim=(0, 2, 3))"),
                Swap("train.std(dim=(0, 2, 3))", "torch.cat([train, valid]).std(dim=(0, 2, 3))"),
            ),
        ),
        WrongAnswer(
            "each_by_its_own",
            "You standardised the validation images by their own statistics. The net would then see another scale than it learned on.",
            "The same mean and std, those of `train`, serve both parts.",
            Swap(
                "(valid - shift) / scale",
                "(valid - valid.mean(dim=(0, 2, 3), keepdim=True)) / valid.std(dim=(0, 2, 3), keepdim=True)",
            ),
        ),
        WrongAnswer(
            "validation_left_as_it_is",
            "You standardised the training images only; the validation images stayed on the scale from 0 to 1.",
            "What the net is judged on must pass through the same transform as what it learned on.",
            Swap("(valid - shift) / scale", "valid"),
        ),
        WrongAnswer(
            "not_scaled_to_one",
            "You computed the statistics on pixels from 0 to 255. Your mean is 255 times too large.",
            "First bring both parts to the range from 0 to 1.",
            (Swap("train.float() / 255", "train.float()"), Swap("valid.float() / 255", "valid.float()")),
        ),
        WrongAnswer(
            "divided_by_256",
            "You divided the pixels by 256, so the brightest one does not become 1.",
            "The largest value of a byte is 255.",
            (Swap("train.float() / 255", "train.float() / 256"), Swap("valid.float() / 255", "valid.float() / 256")),
        ),
        WrongAnswer(
            "variance_for_deviation",
            "You divided by the variance, which is the deviation squared.",
            "The standard deviation is its root: torch has a method of its own for it.",
            Swap("train.std(dim=(0, 2, 3))", "train.var(dim=(0, 2, 3))"),
        ),
        WrongAnswer(
            "divides_by_the_full_count",
            "Your standard deviation divides by the count. `Tensor.std`, as it is, divides by the count minus one.",
            "Leave `correction` or `unbiased` at torch's default; NumPy's default is the other one.",
            Swap("train.std(dim=(0, 2, 3))", "train.std(dim=(0, 2, 3), correction=0)"),
        ),
        WrongAnswer(
            "mean_not_subtracted",
            "You divided by the deviation but did not subtract the mean, so the images are not centred.",
            "Subtract first, then divide.",
            Swap("(train - shift) / scale, (valid - shift) / scale", "train / scale, valid / scale"),
        ),
        WrongAnswer(
            "one_number_for_each_pixel",
            "You averaged over the images only, so each pixel got a mean of its own.",
            "One number for each channel: average over images, rows and columns, three dimensions in all.",
            (
                Swap("mean = train.mean(dim=(0, 2, 3))", "mean = train.mean(dim=0)"),
                Swap("std = train.std(dim=(0, 2, 3))", "std = train.std(dim=0)"),
                Swap("mean.view(-1, 1, 1), std.view(-1, 1, 1)", "mean, std"),
            ),
        ),
    ],
    "collate_ragged": [
        WrongAnswer(
            "padded_on_the_left",
            "You put the zeros in front, so the sequences stand at the right.",
            "Each sequence begins at column 0 of its row.",
            Swap("row[: len(sequence)] = sequence", "row[len(row) - len(sequence) :] = sequence"),
        ),
        WrongAnswer(
            "cut_to_the_shortest",
            "You cut all sequences to the length of the shortest one: data were lost.",
            "Make room for the longest sequence, and fill the rest with zeros.",
            (Swap("max(lengths)", "min(lengths)"), Swap("row[: len(sequence)] = sequence", "row[:] = sequence[: len(row)]")),
        ),
        WrongAnswer(
            "length_of_the_padded",
            "You gave the padded length as the length of each sample.",
            "Count each sequence before it is padded.",
            Swap("return x, lengths, y", "return x, torch.full_like(lengths, x.shape[1]), y"),
        ),
        WrongAnswer(
            "counted_the_nonzero",
            "You counted the values that are not zero. A true value may be zero, and then your length is too short.",
            "Ask the sequence for its length instead of the padded row for its zeros.",
            Swap("return x, lengths, y", "return x, (x != 0).sum(dim=1), y"),
        ),
        WrongAnswer(
            "labels_not_in_step",
            "You sorted the sequences by length, but left the labels in their old order. Now they belong to other samples.",
            "Keep the order of the samples; nothing here needs sorting.",
            Swap("    lengths =", "    sequences.sort(key=len)\n    lengths ="),
        ),
        WrongAnswer(
            "sorted_by_length",
            "You sorted the whole batch by length. Labels still fit, but the order of the samples is lost.",
            "Keep the order in which the samples came.",
            Swap("    sequences =", "    samples = sorted(samples, key=lambda sample: len(sample[0]))\n    sequences ="),
        ),
        WrongAnswer(
            "time_first",
            "Your x has the shape (L, B): one column for each sample.",
            "The batch comes first, (B, L). `pad_sequence` has an argument for it.",
            Swap("return x, lengths, y", "return x.t(), lengths, y"),
        ),
        WrongAnswer(
            "padded_with_minus_one",
            "You filled up with -1 in place of 0.",
            "Start from zeros; the lengths tell which of them are true.",
            Swap("torch.zeros(len(samples), max(lengths), dtype", "torch.full((len(samples), max(lengths)), -1, dtype"),
        ),
        WrongAnswer(
            "one_column_too_many",
            "You left one column more than the longest sequence needs.",
            "L is the longest length in this batch, no more.",
            Swap("max(lengths)", "max(lengths) + 1"),
        ),
        WrongAnswer(
            "padding_changed_the_dtype",
            "You padded into a tensor of float64: the sequences' own dtype was lost.",
            "Make the zeros with the dtype of the sequences.",
            Swap("dtype=sequences[0].dtype", "dtype=torch.float64"),
        ),
    ],
    "evaluate": [
        WrongAnswer(
            "mean_of_batch_means",
            "You averaged the batches' own averages. The short last batch weighs as much as a full one.",
            "Add up over samples, and divide once, by the number of samples.",
            (
                Swap(".item() * len(y)", ".item()"),
                Swap(".sum().item()", ".float().mean().item()"),
                Swap("count += len(y)", "count += 1"),
            ),
            also=(
                """
def evaluate(model, loader):
    model.eval()
    losses, accuracies = [], []
    with torch.no_grad():
        for x, y in loader:
            scores = model(x)
            losses.append(F.cross_entropy(scores, y))
            accuracies.append((scores.argmax(1) == y).float().mean())
    return torch.stack(losses).mean().item(), torch.stack(accuracies).mean().item()
""",
            ),
        ),
        WrongAnswer(
            "loss_still_a_mean_of_means",
            "Your accuracy is right, but your loss is still the mean of the batch means.",
            "`cross_entropy` returns a mean: turn it into the batch's sum before you add it.",
            (Swap(".item() * len(y)", ".item()"), Swap("total / count", "total / len(loader)")),
        ),
        WrongAnswer(
            "means_divided_by_samples",
            "You added up the batches' mean losses and divided by the number of samples: the loss came out far too small.",
            "Multiply each mean by the size of its batch, or ask `cross_entropy` for the sum.",
            Swap(".item() * len(y)", ".item()"),
        ),
        WrongAnswer(
            "full_batches_assumed",
            "You divided by the number of batches times the batch size, as if the last batch were full.",
            "Count the samples that really came: `len(y)` in each round.",
            Swap(
                "total / count, right / count",
                "total / (len(loader) * loader.batch_size), right / (len(loader) * loader.batch_size)",
            ),
        ),
        WrongAnswer(
            "last_batch_only",
            "You returned the numbers of the last batch, not of the epoch.",
            "Start the sums at zero once, before the loop, and add to them inside.",
            Swap(
                "            scores = model(x)\n", "            total, right, count = 0.0, 0, 0\n            scores = model(x)\n"
            ),
        ),
        WrongAnswer(
            "short_batch_left_out",
            "You skipped the short last batch. Its samples were never evaluated.",
            "In evaluation every sample counts, whatever the size of its batch.",
            Swap(
                "            scores = model(x)\n",
                "            if len(y) < loader.batch_size:\n                break\n            scores = model(x)\n",
            ),
        ),
        WrongAnswer(
            "dropout_left_on",
            "You left the model in training mode, so dropout removed inputs at random.",
            "One call before the loop tells the model that it is being evaluated.",
            Swap("    model.eval()\n", ""),
        ),
        WrongAnswer(
            "graph_kept",
            "Your numbers are right, but each batch built a graph for a backward pass that never comes.",
            "Run the loop under `torch.no_grad()`; `eval()` alone does not do that.",
            Swap("with torch.no_grad()", "with torch.enable_grad()"),
        ),
        WrongAnswer(
            "hits_not_divided",
            "You returned the number of hits; the accuracy is their share of all samples.",
            "Divide the hits by the number of samples.",
            Swap("right / count", "right"),
        ),
        WrongAnswer(
            "accuracy_first",
            "You returned the right two numbers in the other order.",
            "The loss comes first, the accuracy second.",
            Swap("total / count, right / count", "right / count, total / count"),
        ),
    ],
    "repeatable_loader": [
        WrongAnswer(
            "no_shuffle",
            "You did not shuffle: every epoch brings the samples in the order in which they are stored.",
            "The loader has an argument that switches shuffling on.",
            Swap("shuffle=True, ", ""),
        ),
        WrongAnswer(
            "no_generator",
            "You shuffled without the seed: the order comes from torch's global random numbers, which anything can disturb.",
            "Give the loader a generator of its own, started with the seed.",
            Swap("shuffle=True, generator=generator", "shuffle=True"),
        ),
        WrongAnswer(
            "global_seed",
            "You set torch's global seed. Any draw before the loop changes your order, and you reset the draws of everybody else.",
            "Make a `torch.Generator()`, seed that one, and hand it to the loader.",
            (
                Swap("generator = torch.Generator().manual_seed(seed)", "torch.manual_seed(seed)"),
                Swap("shuffle=True, generator=generator", "shuffle=True"),
            ),
        ),
        WrongAnswer(
            "seed_not_used",
            "Your loader has a generator of its own, but the seed is not in it: each seed gives the same order.",
            "`manual_seed` wants the argument `seed`.",
            Swap("manual_seed(seed)", "manual_seed(0)"),
            also=(Swap("torch.Generator().manual_seed(seed)", "torch.Generator()"),),
        ),
        WrongAnswer(
            "shuffled_once",
            "You shuffled the data once, before the loader: every epoch then has that same order.",
            "Let the loader shuffle, with the generator: it draws a new order in each epoch.",
            Swap(
                "    return DataLoader(dataset, batch_size=batch_size, shuffle=True, generator=generator)",
                "    order = torch.randperm(len(dataset), generator=generator).tolist()\n"
                "    return DataLoader(torch.utils.data.Subset(dataset, order), batch_size=batch_size)",
            ),
            also=(
                Swap(
                    "    return DataLoader(dataset, batch_size=batch_size, shuffle=True, generator=generator)",
                    "    order = torch.randperm(len(dataset), generator=generator).tolist()\n"
                    "    return DataLoader(dataset, batch_size=batch_size, sampler=order)",
                ),
            ),
        ),
        WrongAnswer(
            "short_batch_dropped",
            "You dropped the short last batch, so some samples are missing in each epoch.",
            "Leave `drop_last` at its default.",
            Swap("shuffle=True, ", "shuffle=True, drop_last=True, "),
        ),
        WrongAnswer(
            "drawn_with_replacement",
            "You drew samples with replacement: in an epoch some come twice and others never.",
            "An epoch sees every sample once. `shuffle=True` draws without replacement.",
            Swap("shuffle=True, ", "sampler=RandomSampler(dataset, replacement=True, generator=generator), "),
        ),
    ],
    "waiting_and_working": [
        WrongAnswer(
            "first_batch_counted",
            "You counted the first batch as well, and with it the start of the workers.",
            "Run its step, but add to the sums from the second batch on.",
            Swap("if number > 0", "if number >= 0"),
        ),
        WrongAnswer(
            "first_wait_counted",
            "You left out the first batch's work, but counted the wait for it: that is mostly the start of the workers.",
            "Both sums begin with the second batch.",
            (
                Swap("        step(batch)\n", "        waited += got - ready\n        step(batch)\n"),
                Swap("            waited += got - ready\n", ""),
            ),
        ),
        WrongAnswer(
            "first_work_counted",
            "You left out the wait for the first batch, but counted its work.",
            "Both sums begin with the second batch, or you compare different numbers of steps.",
            (
                Swap("            worked += done - got\n", ""),
                Swap("        ready = done\n", "        worked += done - got\n        ready = done\n"),
            ),
        ),
        WrongAnswer(
            "first_batch_not_run",
            "You did not call `step` on the first batch, so your net would never learn from it.",
            "Every batch is worked on; only the stopwatch leaves the first one out.",
            Swap("        step(batch)\n", "        if number > 0:\n            step(batch)\n"),
        ),
        WrongAnswer(
            "ready_never_renewed",
            "You measured each wait from the start of the loop, so it holds all earlier batches as well.",
            "After each step, note the time again: the next wait begins there.",
            Swap("        ready = done\n", ""),
        ),
        WrongAnswer(
            "waiting_includes_the_last_step",
            "Your wait starts when the previous batch came, so it holds the work on it too.",
            "The wait begins when the step is done.",
            Swap("ready = done", "ready = got"),
        ),
        WrongAnswer(
            "work_includes_the_wait",
            "Your working time starts before the batch came, so it holds the wait as well.",
            "Work lasts from the arrival of the batch to the end of the step.",
            Swap("worked += done - got", "worked += done - ready"),
        ),
        WrongAnswer(
            "averages_returned",
            "You returned seconds for each batch; the totals were asked for.",
            "Leave the division out.",
            Swap("return waited, worked,", "return waited / number, worked / number,"),
        ),
        WrongAnswer(
            "swapped",
            "You returned the working time first and the waiting time second.",
            "Waiting comes first.",
            Swap("return waited, worked,", "return worked, waited,"),
        ),
        WrongAnswer(
            "bottleneck_turned_round",
            "You named the smaller part the bottleneck.",
            "The bottleneck is where more time is lost: waiting longer means that the data are too slow.",
            Swap("if waited > worked", "if waited < worked"),
        ),
    ],
}

RIGHT = {
    "table_dataset": [
        RightAnswer(
            "split_up_front",
            """
class TableDataset(Dataset):
    def __init__(self, table, transform=None):
        super().__init__()
        self.features = table[:, :-1].clone()
        self.labels = table[:, -1].to(torch.int64)
        self.transform = transform or (lambda x: x)

    def __len__(self):
        return self.features.shape[0]

    def __getitem__(self, i):
        return self.transform(self.features[i]), self.labels[i]
""",
        ),
        RightAnswer(
            "rows_and_python_numbers",
            """
class TableDataset:
    def __init__(self, table, transform=None):
        self.rows = list(table)
        self.t = transform

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        *x, y = self.rows[i].tolist()
        x = torch.tensor(x, dtype=torch.float32)
        return [self.t(x) if self.t else x, int(y)]
""",
        ),
        RightAnswer(
            "inherits_tensor_dataset",
            """
class TableDataset(TensorDataset):
    def __init__(self, table, transform=None):
        super().__init__(table[:, :-1], table[:, -1].long())
        self.transform = transform

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return (x if self.transform is None else self.transform(x)), y
""",
        ),
    ],
    "standardise": [
        RightAnswer(
            "torchvision",
            """
def standardise(train, valid):
    scale = v2.ToDtype(torch.float32, scale=True)
    mean = scale(train).mean(dim=(0, 2, 3))
    std = scale(train).std(dim=(0, 2, 3))
    both = v2.Compose([scale, v2.Normalize(mean.tolist(), std.tolist())])
    return mean, std, both(train), both(valid)
""",
        ),
        RightAnswer(
            "channel_by_channel",
            """
def standardise(train, valid):
    train, valid = train / 255.0, valid / 255.0
    mean = torch.stack([train[:, c].mean() for c in range(train.shape[1])])
    std = torch.stack([train[:, c].flatten().std() for c in range(train.shape[1])])
    for c in range(len(mean)):
        train[:, c] = (train[:, c] - mean[c]) / std[c]
        valid[:, c] = (valid[:, c] - mean[c]) / std[c]
    return mean, std, train, valid
""",
        ),
        RightAnswer(
            "by_hand",
            """
def standardise(train, valid):
    a, b = train.double() / 255, valid.double() / 255
    flat = a.transpose(0, 1).flatten(1)
    mean = flat.sum(1) / flat.shape[1]
    std = ((flat - mean[:, None]) ** 2).sum(1).div(flat.shape[1] - 1).sqrt()
    out = [mean, std, *((t - mean[None, :, None, None]) / std[None, :, None, None] for t in (a, b))]
    return [t.float() for t in out]
""",
        ),
    ],
    "collate_ragged": [
        RightAnswer(
            "pad_sequence",
            """
def collate_ragged(samples):
    xs, ys = zip(*samples)
    x = nn.utils.rnn.pad_sequence(xs, batch_first=True)
    return x, torch.tensor([x.numel() for x in xs]), torch.tensor(ys)
""",
        ),
        RightAnswer(
            "pad_each",
            """
def collate_ragged(samples):
    longest = max(s[0].shape[0] for s in samples)
    rows, lengths, labels = [], [], []
    for x, y in samples:
        rows.append(F.pad(x, (0, longest - len(x))))
        lengths.append(len(x))
        labels.append(y)
    return [torch.stack(rows), torch.LongTensor(lengths), torch.LongTensor(labels)]
""",
        ),
        RightAnswer(
            "concatenates_zeros",
            """
def collate_ragged(samples):
    n = max(map(lambda s: len(s[0]), samples))
    x = torch.stack([torch.cat([s, s.new_zeros(n - len(s))]) for s, _ in samples])
    return x, torch.tensor([len(s) for s, _ in samples]), torch.tensor([y for _, y in samples])
""",
        ),
    ],
    "evaluate": [
        RightAnswer(
            "sum_reduction",
            """
@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    loss_sum = torch.zeros(())
    hits = torch.zeros((), dtype=torch.long)
    for x, y in loader:
        s = model(x)
        loss_sum += F.cross_entropy(s, y, reduction="sum")
        hits += s.max(dim=1).indices.eq(y).sum()
    n = len(loader.dataset)
    return loss_sum / n, hits / n
""",
        ),
        RightAnswer(
            "all_scores_first",
            """
def evaluate(model, loader):
    was_training = model.training
    model.train(False)
    with torch.inference_mode():
        parts = [(model(x), y) for x, y in loader]
    scores = torch.cat([s for s, _ in parts])
    y = torch.cat([t for _, t in parts])
    model.train(was_training)
    loss = nn.CrossEntropyLoss()(scores, y)
    return loss.item(), (scores.argmax(-1) == y).double().mean().item()
""",
        ),
        RightAnswer(
            "weighted_means",
            """
def evaluate(model, loader):
    model.eval()
    losses, accuracies, sizes = [], [], []
    with torch.no_grad():
        for x, y in loader:
            log_p = model(x).log_softmax(dim=1)
            losses.append(-log_p[torch.arange(len(y)), y].mean())
            accuracies.append((log_p.argmax(1) == y).float().mean())
            sizes.append(float(len(y)))
    weights = torch.tensor(sizes) / sum(sizes)
    return float(torch.stack(losses) @ weights), float(torch.stack(accuracies) @ weights)
""",
        ),
    ],
    "repeatable_loader": [
        RightAnswer(
            "random_sampler",
            """
def repeatable_loader(dataset, batch_size, seed):
    g = torch.Generator()
    g.manual_seed(seed)
    return DataLoader(dataset, batch_size, sampler=RandomSampler(dataset, generator=g))
""",
        ),
        RightAnswer(
            "own_sampler",
            """
class Shuffled:
    def __init__(self, n, seed):
        self.n, self.seed, self.epoch = n, seed, 0

    def __iter__(self):
        self.epoch += 1
        g = torch.Generator().manual_seed(1000 * self.seed + self.epoch)
        return iter(torch.randperm(self.n, generator=g).tolist())

    def __len__(self):
        return self.n


def repeatable_loader(dataset, batch_size, seed):
    return DataLoader(dataset, batch_size=batch_size, sampler=Shuffled(len(dataset), seed))
""",
        ),
    ],
    "waiting_and_working": [
        RightAnswer(
            "iterator_and_next",
            """
def waiting_and_working(loader, step, clock):
    batches = iter(loader)
    step(next(batches))
    waited = worked = 0
    while True:
        a = clock()
        try:
            batch = next(batches)
        except StopIteration:
            break
        b = clock()
        step(batch)
        c = clock()
        waited, worked = waited + (b - a), worked + (c - b)
    return waited, worked, "step" if worked >= waited else "data"
""",
        ),
        RightAnswer(
            "lists_of_times",
            """
def waiting_and_working(loader, step, clock):
    came, ended = [], []
    for batch in loader:
        came.append(clock())
        step(batch)
        ended.append(clock())
    waits = [b - a for a, b in zip(ended[:-1], came[1:])]
    works = [b - a for a, b in zip(came[1:], ended[1:])]
    waited, worked = sum(waits), sum(works)
    bottleneck = "data" if waited > worked else "step"
    return waited, worked, bottleneck
""",
        ),
    ],
}
