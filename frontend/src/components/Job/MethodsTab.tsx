import { Anchor, Button, Code, CopyButton, Group, Stack, Text } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { JobPage } from "./queries";

/** The sentence for a paper with this job's values, its papers, the command, versions. */
export function MethodsTab({ job }: { job: JobPage }) {
  const text = [job.methods, ...job.citations.map((one, place) => `[${place + 1}] ${one}`)].filter(Boolean).join("\n");
  const versions = job.versions.map((one) => Object.entries(JSON.parse(one) as Record<string, string>).map(([name, version]) => `${name} ${version}`).join(", "));
  const seeds = Object.entries(job.seeds);
  return (
    <Stack gap="sm">
      <Text size="sm">{job.methods || "This job needs no sentence in a methods section."}</Text>
      {job.citations.length > 0 && (
        <ol style={{ margin: 0, paddingLeft: 20, fontSize: 13 }} aria-label="Papers">
          {job.citations.map((one) => (
            <li key={one}>
              <Anchor href={`https://search.crossref.org/search/works?q=${encodeURIComponent(one)}`} size="sm" inherit target="_blank" rel="noreferrer">{one}</Anchor>
            </li>
          ))}
        </ol>
      )}
      <Group gap="xs">
        <Copy label="Copy text" value={text} />
        {job.citations.length > 0 && <Copy label="Copy BibTeX" value={job.citations.map(bibtex).join("\n\n")} />}
      </Group>
      <Text fw={600} size="sm">The same by command</Text>
      <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{job.command}</Code>
      <Group><Copy label="Copy command" value={job.command} /></Group>
      <Text size="sm" c="dimmed">
        {versions.length ? `Computed with ${versions.join("; ")}` : "Nothing is computed yet"}
        {job.workers.length > 0 && ` on ${[...new Set(job.workers.map((worker) => worker.split(":")[0]))].join(", ")}`}
        {seeds.length > 0 && `; ${seeds.map(([name, value]) => `${name} ${String(value)}`).join(", ")}`}.
      </Text>
    </Stack>
  );
}

function Copy({ label, value }: { label: string; value: string }) {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Button size="compact-sm" variant="light" onClick={copy} leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />}>
          {copied ? "Copied" : label}
        </Button>
      )}
    </CopyButton>
  );
}

/** "Rohou & Grigorieff 2015, J. Struct. Biol. 192:216 (…)" as an entry; what is not said is left away. */
export function bibtex(text: string): string {
  const found = /^(.+?)\s+(\d{4}),\s+(.+?)\s+(\w+):(\w[\w-]*)(?:\s+\((.+)\))?$/.exec(text);
  if (!found) return `@misc{${key(text)},\n  note = {${text}}\n}`;
  const [, authors, year, journal, volume, pages, note] = found;
  const names = authors!.replace(" et al.", " and others").replace(" & ", " and ");
  return `@article{${key(authors!)}${year},\n  author = {${names}},\n  year = {${year}},\n  journal = {${journal}},\n  volume = {${volume}},\n  pages = {${pages}}${note ? `,\n  note = {${note}}` : ""}\n}`;
}

function key(text: string): string {
  return (text.match(/[A-Za-z]+/)?.[0] ?? "paper").toLowerCase();
}
