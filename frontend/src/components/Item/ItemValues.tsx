import { Anchor, Table, Text, Tooltip } from "@mantine/core";
import { Link } from "react-router";
import type { Schemas } from "@/client/client";
import { formatColumn, shown } from "@/components/format";
import { labelOf } from "@/components/Library/columns";
import { Part } from "./Preview";

type ItemView = Schemas["ItemView"];

const TITLES: Record<string, string> = { movie: "Movie", motion: "Drift", micrograph: "Micrograph", ctf: "CTF", quality: "Quality" };
const OWN = new Set(["name", "flag", "tags", "comment"]);

/** All values of an item by the step that gave them, with units; hover gives the full value and its job. */
export function ItemValues({ project, item }: { project: string; item: ItemView }) {
  const slots = new Map<string, ItemView["columns"]>();
  for (const column of item.columns) {
    if (column.name.endsWith("_job") || OWN.has(column.name)) continue;
    if (column.slot !== null && item.values[column.name] == null) continue;
    const slot = column.slot ?? "";
    slots.set(slot, [...(slots.get(slot) ?? []), column]);
  }
  const own = slots.get("") ?? [];
  slots.delete("");
  return (
    <>
      {[...slots, ["", own] as const].map(([slot, columns]) => (
        <Part key={slot} title={slot ? TITLES[slot] ?? labelOf(slot) : "File"}>
          {slot && item.slots[slot] !== undefined && (
            <Text size="xs" mb={2}>
              from{" "}
              <Anchor size="xs" component={Link} to={`/p/${project}/workflow?job=${item.slots[slot]}`}>
                {jobName(item, item.slots[slot])}
              </Anchor>
            </Text>
          )}
          <Table withRowBorders={false} verticalSpacing={1} horizontalSpacing={0} layout="fixed" fz={13}>
            <Table.Tbody>
              {columns.map((column) => {
                const value = item.values[column.name];
                const { unit } = shown(column.name, column.unit);
                return (
                  <Table.Tr key={column.name}>
                    <Table.Td w="46%" c="dimmed" title={column.meaning}>
                      {labelOf(column.name)}
                    </Table.Td>
                    <Table.Td style={{ fontVariantNumeric: "tabular-nums", overflowWrap: "anywhere" }}>
                      <Tooltip label={`${String(value)}${column.unit ? ` ${column.unit}` : ""}`} openDelay={400} disabled={value == null || typeof value !== "number"}>
                        <span>
                          {formatColumn(column.name, value, column.kind)}
                          {value != null && unit && column.name !== "imported" && column.name !== "recorded" ? ` ${unit}` : ""}
                        </span>
                      </Tooltip>
                    </Table.Td>
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
        </Part>
      ))}
    </>
  );
}

function jobName(item: ItemView, job: number): string {
  const task = item.tasks.find((entry) => entry.job === job);
  return task ? `J${job} ${task.title}` : `J${job}`;
}
