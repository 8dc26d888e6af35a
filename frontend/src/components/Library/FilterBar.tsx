import { Autocomplete, Button, Group, Pill, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconBookmark, IconFilter } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { memo, useMemo, useState, type RefObject } from "react";
import { client, need } from "@/client/client";
import { sentence } from "@/components/Fault/Fault";
import { formatCount } from "@/components/format";
import { labelOf, unitOf, type TableColumn } from "./columns";
import { chipText } from "./conditions";
import { itemQuery, type Shown } from "./query";

const WORDS = ["and", "or", "not", "in", "is None", "is not None", "startswith", "endswith", "contains"];

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
  const [late] = useDebouncedValue(text.trim(), 180);
  const query = itemQuery(shown);
  const check = useQuery({
    queryKey: ["p", project, "check", query, late],
    enabled: late !== "",
    placeholderData: keepPreviousData,
    queryFn: () => need(client.GET("/api/projects/{project}/expression/check", { params: { path: { project }, query: { ...query, text: late } } })),
  });
  const told = late && late === text.trim() ? check.data : undefined;
  const [data, meanings] = useMemo(() => completions(text, columns), [text, columns]);
  const add = () => {
    if (!text.trim() || !told || told.fault) return;
    change({ conditions: [...shown.conditions, text.trim()] });
    setText("");
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
      <Autocomplete
        ref={input}
        size="xs"
        style={{ flex: 1, minWidth: 200 }}
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
        onKeyDown={(event) => {
          if (event.key === "Enter") window.setTimeout(add, 0);
          if (event.key === "Escape") input.current?.blur();
        }}
        spellCheck={false}
        autoComplete="off"
      />
      {text.trim() && (
        <Button size="compact-sm" onClick={add} disabled={!told || told.fault !== null}>
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
  const word = /[A-Za-z_][A-Za-z0-9_]*$/.exec(text)?.[0] ?? "";
  const meanings = new Map<string, Meaning>();
  if (!word) return [[], meanings];
  const start = text.slice(0, text.length - word.length);
  const small = word.toLowerCase();
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
