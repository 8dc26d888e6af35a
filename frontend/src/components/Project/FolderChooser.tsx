import { Button, Group, Modal, Skeleton, Text, UnstyledButton } from "@mantine/core";
import { IconArrowUp, IconFolder, IconSnowflake } from "@tabler/icons-react";
import { useState } from "react";
import { Fault } from "@/components/Fault/Fault";
import { counted } from "@/components/format";
import classes from "./Project.module.css";
import { useFolder } from "./queries";

interface Given {
  opened: boolean;
  title: string;
  /** Where it begins; the home folder unless given. */
  start: string | null;
  /** Word of the button that chooses the folder that is shown. */
  choose: string;
  /** Only projects can be chosen. */
  projects?: boolean;
  onChoose: (path: string) => void;
  onClose: () => void;
}

/** Choose a folder of the server's machine. */
export function FolderChooser(given: Given) {
  return (
    <Modal opened={given.opened} onClose={given.onClose} title={given.title} size="lg" zIndex={300}>
      {given.opened && <Chooser {...given} />}
    </Modal>
  );
}

function Chooser({ start, choose, projects = false, onChoose, onClose }: Given) {
  const [path, setPath] = useState<string | null>(start);
  const { data, error, isFetching } = useFolder(path, true);
  const take = (chosen: string) => {
    onChoose(chosen);
    onClose();
  };
  if (error) {
    return (
      <>
        <Fault error={error} />
        <Button mt="sm" variant="default" onClick={() => setPath(null)}>
          Home folder
        </Button>
      </>
    );
  }
  const open = (entry: { path: string; project: boolean }) => (projects && entry.project ? take(entry.path) : setPath(entry.path));
  return (
    <>
      <Roots roots={data?.roots ?? []} current={data?.path} onChoose={setPath} />
      <div className={classes.crumbs} aria-live="polite">
        <Text size="sm" fw={500} style={{ overflowWrap: "anywhere" }}>
          {data?.path ?? "…"}
        </Text>
        {data && data.files > 0 && (
          <Text size="xs" c="dimmed">
            {counted(data.files, "file")}
          </Text>
        )}
      </div>
      <div className={classes.folders} aria-busy={isFetching}>
        {!data && <Skeleton height={300} />}
        {data?.parent && (
          <UnstyledButton className={classes.entry} onClick={() => setPath(data.parent)}>
            <IconArrowUp size={16} aria-hidden /> The folder above
          </UnstyledButton>
        )}
        {data?.folders.map((entry) => (
          <UnstyledButton key={entry.path} className={classes.entry} onClick={() => open(entry)}>
            {entry.project ? <IconSnowflake size={16} color="var(--mantine-primary-color-filled)" aria-hidden /> : <IconFolder size={16} aria-hidden />}
            {entry.name}
            {entry.project && (
              <Text size="xs" c="dimmed" span>
                project
              </Text>
            )}
          </UnstyledButton>
        ))}
        {data && data.folders.length === 0 && (
          <Text size="sm" c="dimmed" p="sm">
            No folder in this one
          </Text>
        )}
      </div>
      <Group justify="flex-end" mt="sm">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button disabled={!data || (projects && !data.project)} onClick={() => data && take(data.path)}>
          {choose}
        </Button>
      </Group>
    </>
  );
}

function Roots({ roots, current, onChoose }: { roots: string[]; current: string | undefined; onChoose: (path: string) => void }) {
  return (
    <Group gap={4} mb={4}>
      {roots.map((root) => (
        <Button key={root} size="compact-xs" variant={current?.startsWith(root) ? "light" : "subtle"} onClick={() => onChoose(root)} title={root}>
          {root.length > 40 ? `…${root.slice(-38)}` : root}
        </Button>
      ))}
    </Group>
  );
}
