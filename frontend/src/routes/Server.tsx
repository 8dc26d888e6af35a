import { Tabs, Title, VisuallyHidden } from "@mantine/core";
import { AccountPanel } from "@/components/Account/AccountPanel";
import { LogPanel } from "@/components/Account/LogPanel";
import { UsersPanel } from "@/components/Account/UsersPanel";
import classes from "@/components/Account/Account.module.css";
import { hasRole, useMe } from "@/hooks/useMe";
import { useUrlState } from "@/hooks/useUrlState";

/** The account of the user, and for owners of the server its users and its log. */
export default function Server() {
  const me = useMe().data;
  const [tab, setTab] = useUrlState("tab", "account", false);
  const owner = hasRole(me, "owner");
  if (!me) return null;
  return (
    <Tabs value={owner ? tab : "account"} onChange={(value) => setTab(value ?? "account")} keepMounted={false} className={classes.page}>
      <VisuallyHidden>
        <Title order={1}>Server and account</Title>
      </VisuallyHidden>
      <Tabs.List aria-label="Server and account">
        <Tabs.Tab value="account">Account</Tabs.Tab>
        {owner && <Tabs.Tab value="users">Users</Tabs.Tab>}
        {owner && <Tabs.Tab value="log">Log</Tabs.Tab>}
      </Tabs.List>
      <Tabs.Panel value="account" pt="md">
        <AccountPanel me={me} />
      </Tabs.Panel>
      {owner && (
        <Tabs.Panel value="users" pt="md">
          <UsersPanel me={me} />
        </Tabs.Panel>
      )}
      {owner && (
        <Tabs.Panel value="log" pt="md">
          <LogPanel />
        </Tabs.Panel>
      )}
    </Tabs>
  );
}
