import { Anchor, Badge, Button, Collapse, Group, Radio, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconDeviceFloppy, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { counted, formatCount, formatNumber, formatTime } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";
import { keptOf, suggestedAt, type ClassAverage, type Selection } from "./classes";
import classes from "./Classes.module.css";
import { useSave } from "./useSave";

interface Props {
  project: string;
  job: number;
  all: readonly ClassAverage[];
  selections: readonly Selection[];
  /** The selection that was taken up. */
  loaded: Selection | null;
  onLoad: (job: number | null) => void;
  chosen: ReadonlySet<number>;
  onChoose: (numbers: readonly number[]) => void;
  threshold: number;
  /** Of the run: numbers of classes speak of it. */
  lineage: string;
  mayChange: boolean;
}

/** The selections that there are, and keeping what is chosen: each selection is a job, and its changes are recorded. */
export function Selections(props: Props) {
  const { selections, loaded, mayChange } = props;
  return (
    <Stack gap="md" component="section" aria-labelledby="selections">
      <div>
        <Title order={2} id="selections">Selections</Title>
        <Text size="sm" c="dimmed">A selection is a job that passes on the particles of its classes. Who chose what, when and why stays recorded.</Text>
      </div>
      {selections.length === 0 && <Text size="sm">Nobody has selected classes here yet.</Text>}
      {selections.map((one) => <OneSelection key={one.job} {...props} one={one} open={one.job === loaded?.job} />)}
      {mayChange ? <Save key={loaded?.job ?? 0} {...props} /> : <Text size="sm" c="dimmed">You may look; choosing needs the role operator.</Text>}
    </Stack>
  );
}

function words(selection: Pick<Selection, "automatic" | "threshold" | "classes">): string {
  const number = selection.classes === null ? "" : counted(selection.classes.length, "class", "classes");
  return selection.automatic ? `${number ? `${number}, ` : ""}by quality from ${formatNumber(selection.threshold, 2)}` : number;
}

function OneSelection({ project, all, one, open, onLoad, onChoose }: Props & { one: Selection; open: boolean }) {
  const [history, setHistory] = useState(false);
  const total = all.reduce((sum, entry) => sum + entry.particles, 0);
  const last = one.revisions[0];
  return (
    <div className={classes.card} style={open ? { borderColor: "var(--mantine-primary-color-filled)" } : undefined}>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text fw={600} size="sm" style={{ overflowWrap: "anywhere" }}>
          <Anchor component={Link} to={`/p/${project}/workflow?job=${one.job}`} size="sm">J{one.job}</Anchor> {one.title}
        </Text>
        {open ? <Badge variant="light" size="sm" style={{ flex: "none" }}>shown</Badge> : (
          <Button size="compact-xs" variant="default" style={{ flex: "none" }} onClick={() => { onLoad(one.job); if (one.classes) onChoose(one.classes); }}>Show</Button>
        )}
      </Group>
      <Text size="sm">
        {words(one)}: {formatCount(one.particles)} particles{one.particles !== null && total ? ` (${formatNumber((100 * one.particles) / total, 1)} %)` : ""}
      </Text>
      <Group gap="xs">
        <StateBadge state={one.state} />
        {last && <Text size="xs" c="dimmed">{last.author}, {formatTime(last.time)}</Text>}
        {one.revisions.length > 0 && (
          <Button size="compact-xs" variant="subtle" aria-expanded={history} onClick={() => setHistory(!history)}>
            {one.revisions.length === 1 ? "history" : counted(one.revisions.length, "version")}
          </Button>
        )}
      </Group>
      {one.other_run && <Text size="sm" c="var(--mantine-color-yellow-text)">Chosen among the classes of another run: look at it again and save it anew.</Text>}
      {last?.reason && <Text size="sm" style={{ overflowWrap: "anywhere" }}>“{last.reason}”</Text>}
      <Collapse expanded={history}>
        {one.revisions.map((entry) => (
          <div key={entry.revision} className={classes.history}>
            {entry.revision}. {entry.author}, {formatTime(entry.time)}: {words(entry)}
            {entry.reason && <> “{entry.reason}”</>}{" "}
            {entry.classes && <Anchor component="button" size="xs" onClick={() => { onLoad(one.job); onChoose(entry.classes!); }}>choose these</Anchor>}
          </div>
        ))}
      </Collapse>
    </div>
  );
}

function Save(props: Props) {
  const { project, job, all, loaded, onLoad, chosen, onChoose, threshold, lineage } = props;
  const [rule, setRule] = useState(loaded?.automatic ? "quality" : "hand");
  const [title, setTitle] = useState("");
  const [reason, setReason] = useState("");
  const save = useSave(project, job);
  const now = rule === "quality" ? suggestedAt(all, threshold) : [...chosen].sort((a, b) => a - b);
  const params = rule === "quality" ? { threshold } : { classes: now, ...(lineage ? { lineage } : {}) };
  const kept = keptOf(all, new Set(now));
  const before = loaded?.classes ?? null;
  const same = loaded !== null && before !== null && before.join() === now.join() && loaded.automatic === (rule === "quality") && (rule === "hand" || loaded.threshold === threshold);
  const done = (number: number) => {
    setReason("");
    setTitle("");
    onLoad(number);
    if (rule === "quality") onChoose(now);
  };
  return (
    <section className={classes.card} aria-label="Save the choice">
      <Radio.Group label="What is saved" value={rule} onChange={setRule} size="sm">
        <Stack gap={4} mt={4}>
          <Radio size="xs" value="hand" label={`the chosen classes (${chosen.size})`} />
          <Radio size="xs" value="quality" label={`quality from ${threshold.toFixed(2)}, also of classes to come`} />
        </Stack>
      </Radio.Group>
      {before !== null && !same && <Changes all={all} before={before} after={now} />}
      <Text size="sm" mt="xs" role="status">
        Keeps {counted(kept.classes, "class", "classes")}, {formatCount(kept.particles)} particles.
      </Text>
      <TextInput size="xs" mt="xs" label="Why" placeholder="for those who come later" maxLength={500} value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
      {loaded && (
        <Button fullWidth mt="xs" size="sm" leftSection={<IconDeviceFloppy size={16} />} disabled={same || now.length === 0} loading={save.busy} onClick={() => save.change(loaded, params, reason, () => done(loaded.job))}>
          Save changes to J{loaded.job}
        </Button>
      )}
      <Group mt="xs" gap="xs" align="flex-end" wrap="nowrap">
        <TextInput size="xs" label="Name of a new selection" placeholder="Good classes" style={{ flex: 1 }} value={title} maxLength={100} onChange={(event) => setTitle(event.currentTarget.value)} />
        <Button size="xs" variant={loaded ? "default" : "filled"} leftSection={<IconPlus size={14} />} disabled={now.length === 0} loading={save.busy} onClick={() => save.add(title.trim() || "Select classes", params, reason, done)}>
          Save
        </Button>
      </Group>
      {now.length === 0 && <Text size="xs" c="dimmed" mt={4}>Choose at least one class.</Text>}
    </section>
  );
}

/** What the choice adds to a selection and takes from it. */
function Changes({ all, before, after }: { all: readonly ClassAverage[]; before: readonly number[]; after: readonly number[] }) {
  const added = after.filter((number) => !before.includes(number));
  const left = before.filter((number) => !after.includes(number));
  if (added.length + left.length === 0) return null;
  const line = (sign: string, word: string, numbers: number[]) => numbers.length > 0 && (
    <div>
      <b>{sign}</b> {word} {numbers.slice(0, 12).join(", ")}{numbers.length > 12 ? " …" : ""}: {sign}{formatCount(keptOf(all, new Set(numbers)).particles)} particles
    </div>
  );
  return (
    <Text size="sm" component="div" mt="xs" className={classes.history}>
      {line("+", "adds", added)}
      {line("−", "leaves out", left)}
    </Text>
  );
}
