import { Autocomplete, Button, Group, Pill, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconBookmark, IconFilter } from "@tabler/icons-react";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { memo, useMemo, useRef, useState, type KeyboardEvent, type RefObject } from "react";
import { asFault, client, need } from "@/client/client";
import { sentence, showFault } from "@/components/Fault/Fault";
import { formatCount } from "@/components/format";
import { labelOf, unitOf, type TableColumn } from "./columns";
import { chipText } from "./conditions";
import { itemQuery, type Shown } from "./query";

const WORDS = ["and", "or", "not", "in", "is None", "is not None"];
const TESTS = ["startswith", "endswith", "contains", "like"];

interface Given {
  project: string;
  shown: Shown;
  columns: TableColumn[];
  change: (part: Partial<Shown>) => void;
  input: RefObject<HTMLInputElement | null>;
  onSave: (() => void) | undefined;
}

/** Conditions as chips, and the field in which one is typed: completed, checked and counted meanwhile. */
export const FilterBar = memo(function FilterBar({ project, shown, columns, change, input, onSave }: Given) {
  const [text, setText] = useState("");
  /** A text that Enter was pressed on: it is checked without waiting for more. */
  const [entered, setEntered] = useState("");
  const [late] = useDebouncedValue(text.trim(), 180);
  const asked = entered === text.trim() ? entered : late;
  const query = useMemo(() => itemQuery(shown), [shown]);
  const questionOf = (condition: string) => ({
    queryKey: ["p", project, "check", query, condition],
    queryFn: () => need(client.GET("/api/projects/{project}/expression/check", { params: { path: { project }, query: { ...query, text: condition } } })),
  });
  const queries = useQueryClient();
  const check = useQuery({ ...questionOf(asked), enabled: asked !== "", placeholderData: keepPreviousData });
  const told = asked && asked === text.trim() && !check.isPlaceholderData ? check.data : undefined;
  const [data, meanings] = useMemo(() => completions(text, columns), [text, columns]);
  const latest = useRef(shown.conditions);
  latest.current = shown.conditions;
  /** Add what is typed as soon as it is known to be right; a wrong text stays and shows its fault. */
  const add = async () => {
    const condition = text.trim();
    if (!condition) return;
    setEntered(condition);
    try {
      const found = await queries.fetchQuery({ ...questionOf(condition), staleTime: 10_000 });
      if (found.fault) return;
      if (!latest.current.includes(condition)) change({ conditions: [...latest.current, condition] });
      setText((now) => (now.trim() === condition ? "" : now));
      setEntered("");
    } catch (error) {
      showFault(asFault(error));
    }
  };
  /** Whether an arrow key has chosen an entry of the list: only then Enter means that entry. */
  const arrowed = useRef(false);
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") arrowed.current = data.length > 0;
    else if (event.key === "Escape") input.current?.blur();
    else if (event.key === "Enter" && !event.nativeEvent.isComposing) {
      if (!arrowed.current) {
        event.stopPropagation();
        event.preventDefault();
        void add();
      }
      arrowed.current = false;
    } else arrowed.current = false;
  };
  const drop = (place: number) => change({ conditions: shown.conditions.filter((_, n) => n !== place) });
  return (
    <Group gap={6} style={{ flex: 1, minWidth: 220 }} wrap="wrap" role="search" aria-label="Filter">
      {shown.conditions.map((entry, place) => (
        <Pill
          key={entry}
          size="md"
          withRemoveButton
          onRemove={() => drop(place)}
          removeButtonProps={{ "aria-label": `Remove the condition ${chipText(entry)}`, tabIndex: 0, "aria-hidden": false }}
          title={entry}
          maw={340}
        >
          <span
            onDoubleClick={() => {
              drop(place);
              setText(entry);
              input.current?.focus();
            }}
          >
            {chipText(entry)}
          </span>
        </Pill>
      ))}
      <div style={{ flex: 1, minWidth: 200 }} onKeyDownCapture={onKey}>
        <Autocomplete
          ref={input}
          size="xs"
          value={text}
          onChange={setText}
          data={data}
          limit={8}
          filter={({ options }) => options}
          selectFirstOptionOnChange={false}
          renderOption={({ option }) => (
            <Group gap={8} wrap="nowrap">
              <Text size="sm">{meanings.get(option.value)?.name ?? option.value}</Text>
              <Text size="xs" c="dimmed" truncate>
                {meanings.get(option.value)?.meaning}
              </Text>
            </Group>
          )}
          placeholder="Condition, such as fit_resolution < 5 and iciness < 1.6"
          aria-label="Condition"
          leftSection={<IconFilter size={14} />}
          rightSectionWidth={told && !told.fault ? 110 : 28}
          rightSection={
            told && !told.fault ? (
              <Text size="xs" c="dimmed" aria-live="polite">
                {formatCount(told.count)} fit
              </Text>
            ) : null
          }
          error={told?.fault ? sentence(`${told.fault.message}. ${firstLine(told.fault.hint)}`) : undefined}
          spellCheck={false}
          autoComplete="off"
        />
      </div>
      {text.trim() && (
        <Button size="compact-sm" onClick={() => void add()} disabled={told !== undefined && told.fault !== null}>
          Add
        </Button>
      )}
      {onSave && shown.conditions.length > 0 && (
        <Button size="compact-sm" variant="light" leftSection={<IconBookmark size={14} />} onClick={onSave}>
          Save as filter
        </Button>
      )}
    </Group>
  );
});

function firstLine(text: string): string {
  return text.split("\n")[0]!;
}

type Meaning = { name: string; meaning: string };

/** What the word under the caret may become: whole texts, as the field takes them, with what each means. */
function completions(text: string, columns: TableColumn[]): [string[], Map<string, Meaning>] {
  const quoted = (text.match(/"/g)?.length ?? 0) % 2 === 1;
  const word = quoted ? "" : (/[A-Za-z_][A-Za-z0-9_]*$/.exec(text)?.[0] ?? "");
  const meanings = new Map<string, Meaning>();
  if (!word) return [[], meanings];
  const start = text.slice(0, text.length - word.length);
  const small = word.toLowerCase();
  if (start.endsWith(".")) {
    for (const name of TESTS) if (name.startsWith(small)) meanings.set(`${start}${name}("`, { name: `${name}("…")`, meaning: "a test of text" });
    return [[...meanings.keys()], meanings];
  }
  const fits = columns.filter(({ name, meaning }) => name.includes(small) || labelOf(name).includes(small) || (small.length > 3 && meaning.toLowerCase().includes(small)));
  fits.sort((a, b) => Number(b.name.startsWith(small)) - Number(a.name.startsWith(small)) || a.name.length - b.name.length);
  for (const column of fits) {
    if (column.name === word) continue;
    const unit = column.unit && column.unit !== unitOf(column) ? `, in ${column.unit}` : column.unit ? `, ${column.unit}` : "";
    meanings.set(start + column.name, { name: column.name, meaning: column.meaning + unit });
  }
  for (const name of WORDS) if (name.startsWith(small) && name !== word) meanings.set(start + name, { name, meaning: "" });
  return [[...meanings.keys()], meanings];
}
