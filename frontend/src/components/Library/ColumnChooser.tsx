import { Button, Checkbox, Group, Popover, ScrollArea, Stack, Text, TextInput } from "@mantine/core";
import { IconColumns3, IconSearch } from "@tabler/icons-react";
import { memo, useMemo, useState } from "react";
import { labelOf, unitOf, type TableColumn } from "./columns";

/** Which columns are shown: searched by name and meaning, in groups of the step that gives them. */
export const ColumnChooser = memo(function ColumnChooser({ all, names, onNames, onReset }: {
  all: TableColumn[];
  names: string[];
  onNames: (names: string[]) => void;
  onReset: () => void;
}) {
  const [text, setText] = useState("");
  const groups = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const found = new Map<string, TableColumn[]>();
    for (const column of all) {
      const said = `${column.name} ${labelOf(column.name)} ${column.meaning} ${column.slot ?? ""}`.toLowerCase();
      if (!words.every((word) => said.includes(word))) continue;
      const slot = column.slot ?? "item";
      found.set(slot, [...(found.get(slot) ?? []), column]);
    }
    return [...found];
  }, [all, text]);
  const chosen = new Set(names);
  const turn = (name: string) => onNames(chosen.has(name) ? names.filter((other) => other !== name) : [...names, name]);
  return (
    <Popover width={380} position="bottom-end" shadow="md" trapFocus>
      <Popover.Target>
        <Button variant="default" size="compact-md" leftSection={<IconColumns3 size={15} />}>
          Columns
        </Button>
      </Popover.Target>
      <Popover.Dropdown p="sm">
        <Group gap={8} wrap="nowrap" mb={8}>
          <TextInput
            data-autofocus
            size="xs"
            style={{ flex: 1 }}
            placeholder="Name or meaning"
            aria-label="Search columns"
            leftSection={<IconSearch size={14} />}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <Button size="compact-sm" variant="subtle" onClick={onReset}>
            Usual ones
          </Button>
        </Group>
        <ScrollArea.Autosize mah={420} type="auto">
          <Stack gap={12}>
            {groups.map(([slot, columns]) => (
              <Stack key={slot} gap={4} role="group" aria-label={slot}>
                <Text size="xs" fw={600} c="dimmed">
                  {slot}
                </Text>
                {columns.map((column) => (
                  <Checkbox
                    key={column.name}
                    size="xs"
                    checked={chosen.has(column.name)}
                    onChange={() => turn(column.name)}
                    label={`${labelOf(column.name)}${unitOf(column) ? ` (${unitOf(column)})` : ""}`}
                    description={column.meaning}
                  />
                ))}
              </Stack>
            ))}
            {groups.length === 0 && <Text size="sm">No column of that name</Text>}
          </Stack>
        </ScrollArea.Autosize>
      </Popover.Dropdown>
    </Popover>
  );
});
