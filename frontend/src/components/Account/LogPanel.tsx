import { Skeleton, Table, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useDeferredValue, useMemo } from "react";
import { formatTime, UNKNOWN } from "@/components/format";
import { Fault } from "@/components/Fault/Fault";
import { useUrlState } from "@/hooks/useUrlState";
import classes from "./Account.module.css";
import { Section } from "./Section";
import { useServerLog } from "./useAccount";

const SHOWN = 200;

/** Who came in, who was refused, and what was changed of users and rights. */
export function LogPanel() {
  const log = useServerLog();
  const [words, setWords] = useUrlState("q");
  const wanted = useDeferredValue(words).toLowerCase();
  const lines = useMemo(
    () => (log.data ?? []).filter((line) => `${line.kind} ${line.who} ${line.message} ${line.address ?? ""}`.toLowerCase().includes(wanted)),
    [log.data, wanted],
  );
  return (
    <Section
      title="Log of the server"
      help={`The last 1000 lines are kept${lines.length > SHOWN ? `; the newest ${SHOWN} of ${lines.length} are shown` : ""}.`}
      action={<TextInput aria-label="Search in the log" placeholder="Search" leftSection={<IconSearch size={15} />} value={words} onChange={(event) => setWords(event.currentTarget.value)} w={200} />}
    >
      {log.error && <Fault error={log.error} retry={() => void log.refetch()} />}
      {log.isPending && <Skeleton height={200} />}
      {log.data && (
        <div className={classes.scroll}>
          <Table verticalSpacing={3} aria-label="Log of the server">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Time</Table.Th>
                <Table.Th>What</Table.Th>
                <Table.Th>Who</Table.Th>
                <Table.Th>More</Table.Th>
                <Table.Th>From</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {lines.slice(0, SHOWN).map((line) => (
                <Table.Tr key={line.id}>
                  <Table.Td className={classes.plain}>{formatTime(line.time)}</Table.Td>
                  <Table.Td className={classes.plain}>{line.kind}</Table.Td>
                  <Table.Td>{line.who}</Table.Td>
                  <Table.Td className={classes.log}>{line.message}</Table.Td>
                  <Table.Td className={classes.plain}>{line.address ?? UNKNOWN}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </Section>
  );
}
