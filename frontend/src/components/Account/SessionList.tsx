import { Button, Skeleton, Table, Text } from "@mantine/core";
import { client, need } from "@/client/client";
import { counted, formatTime, UNKNOWN } from "@/components/format";
import { Fault } from "@/components/Fault/Fault";
import classes from "./Account.module.css";
import { browserName } from "./browserName";
import { Section } from "./Section";
import { useChange, useSessions } from "./useAccount";

/** The browsers in which the user is signed in. */
export function SessionList() {
  const sessions = useSessions();
  const end = useChange((session: number) => need(client.DELETE("/api/sessions/{session}", { params: { path: { session } } })), () => "Signed out there");
  const endOthers = useChange(() => need(client.POST("/api/sessions/end")), (done) => `${counted(done.ended, "other session")} ended`);
  const others = (sessions.data ?? []).filter((session) => !session.current).length;
  return (
    <Section
      title="Where you are signed in"
      help="A session ends after 7 days without use, and after 30 days in any case."
      action={
        <Button variant="light" size="compact-md" disabled={others === 0} loading={endOthers.isPending} onClick={() => endOthers.mutate(undefined)}>
          Sign out everywhere else
        </Button>
      }
    >
      {sessions.error && <Fault error={sessions.error} retry={() => void sessions.refetch()} />}
      {sessions.isPending && <Skeleton height={70} />}
      {sessions.data && (
        <div className={classes.scroll}>
          <Table verticalSpacing={4} aria-label="Sessions">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Browser</Table.Th>
                <Table.Th>From</Table.Th>
                <Table.Th>Signed in</Table.Th>
                <Table.Th>Last used</Table.Th>
                <Table.Th aria-label="End" />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {sessions.data.map((session) => (
                <Table.Tr key={session.id}>
                  <Table.Td title={session.agent ?? undefined} className={classes.plain}>
                    {browserName(session.agent)}
                  </Table.Td>
                  <Table.Td>{session.address ?? UNKNOWN}</Table.Td>
                  <Table.Td className={classes.plain}>{formatTime(session.created)}</Table.Td>
                  <Table.Td className={classes.plain}>{formatTime(session.seen)}</Table.Td>
                  <Table.Td ta="right" className={classes.plain}>
                    {session.current ? (
                      <Text size="sm" c="dimmed" span>
                        this browser
                      </Text>
                    ) : (
                      <Button variant="subtle" size="compact-sm" onClick={() => end.mutate(session.id)} aria-label={`Sign out ${browserName(session.agent)} of ${formatTime(session.created)}`}>
                        Sign out
                      </Button>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </Section>
  );
}
