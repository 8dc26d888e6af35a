import { Button, Text, Title } from "@mantine/core";
import { useNavigate } from "react-router";
import { asFault } from "@/client/client";
import { showFault } from "@/components/Fault/Fault";
import { formatTime } from "@/components/format";
import classes from "./Project.module.css";
import { useProjectChanges, useRecentProjects } from "./queries";

/** Projects that were opened before and are not served now. */
export function RecentProjects() {
  const navigate = useNavigate();
  const recent = useRecentProjects(true).data ?? [];
  const { open } = useProjectChanges();
  if (recent.length === 0) return null;
  const go = (folder: string) =>
    open.mutate(
      { folder, start: false },
      { onSuccess: (line) => void navigate(`/p/${line.key}/session`), onError: (error) => showFault(asFault(error)) },
    );
  return (
    <section aria-label="Opened before">
      <Title order={2} mb="xs">
        Opened before
      </Title>
      <ul className={classes.recent}>
        {recent.map((entry) => (
          <li key={entry.folder}>
            <div className={classes.name}>
              <Text size="sm" fw={500} truncate>
                {entry.title}
              </Text>
              <div className={classes.folder} title={entry.folder}>
                <bdi>{entry.folder}</bdi>
              </div>
            </div>
            <Text size="xs" c="dimmed" visibleFrom="sm">
              {entry.there ? formatTime(entry.opened) : "not there now"}
            </Text>
            <Button size="compact-sm" variant="default" disabled={!entry.there} loading={open.isPending && open.variables.folder === entry.folder} onClick={() => go(entry.folder)} aria-label={`Open ${entry.title}`}>
              Open
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
