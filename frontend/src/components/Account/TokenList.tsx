import { Button, Skeleton, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { client, need, type Me } from "@/client/client";
import { formatTime, UNKNOWN } from "@/components/format";
import { Fault } from "@/components/Fault/Fault";
import classes from "./Account.module.css";
import { Section } from "./Section";
import { TokenForm } from "./TokenForm";
import { useChange, useTokens } from "./useAccount";

/** Tokens by which scripts come in in the user's name. */
export function TokenList({ me }: { me: Me }) {
  const tokens = useTokens();
  const [open, { open: show, close }] = useDisclosure(false);
  const remove = useChange(
    ({ id }: { id: number; name: string }) => need(client.DELETE("/api/tokens/{token}", { params: { path: { token: id } } })),
    (_done, { name }) => `Token ${name} is removed`,
  );
  const now = Date.now() / 1000;
  return (
    <Section
      title="Tokens for scripts"
      help="A script sends its token in the header Authorization: Bearer. It never may do more than you."
      action={
        <Button variant="light" size="compact-md" onClick={show}>
          New token
        </Button>
      }
    >
      {open && <TokenForm me={me} close={close} />}
      {tokens.error && <Fault error={tokens.error} retry={() => void tokens.refetch()} />}
      {tokens.isPending && <Skeleton height={40} />}
      {tokens.data?.length === 0 && !open && (
        <Text size="sm" c="dimmed">
          There are none.
        </Text>
      )}
      {tokens.data && tokens.data.length > 0 && (
        <div className={classes.scroll}>
          <Table verticalSpacing={4} aria-label="Tokens">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Name</Table.Th>
                <Table.Th>At most</Table.Th>
                <Table.Th>Project</Table.Th>
                <Table.Th>Holds until</Table.Th>
                <Table.Th>Last used</Table.Th>
                <Table.Th aria-label="Remove" />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {tokens.data.map((token) => (
                <Table.Tr key={token.id}>
                  <Table.Td>{token.name}</Table.Td>
                  <Table.Td>{token.role}</Table.Td>
                  <Table.Td>{token.project ?? token.folder ?? "all of yours"}</Table.Td>
                  <Table.Td className={classes.plain}>
                    {token.expires === null ? "removed" : formatTime(token.expires)}
                    {token.expires !== null && token.expires < now && " (over)"}
                  </Table.Td>
                  <Table.Td className={classes.plain}>{token.used === null ? UNKNOWN : formatTime(token.used)}</Table.Td>
                  <Table.Td ta="right">
                    <Button variant="subtle" color="red" size="compact-sm" aria-label={`Remove token ${token.name}`} onClick={() => remove.mutate(token)}>
                      Remove
                    </Button>
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
