import { Button, Group, Menu } from "@mantine/core";
import { IconFlag, IconHandStop, IconRestore, IconThumbUp, IconTrash } from "@tabler/icons-react";
import { counted } from "@/components/format";
import type { Changes, Patch } from "./changes";
import classes from "./Library.module.css";
import { FlagMark } from "./Marks";

const FLAGS = ["red", "green", "blue", "gold", "none"] as const;

/** On a phone: what is done to the images that were touched. */
export function PhoneBar({ ids, filter, inTrash, changes, onDone, noFilter }: {
  ids: number[];
  /** The filter that takes decisions. */
  filter: number | null;
  inTrash: boolean;
  changes: Changes;
  onDone: () => void;
  noFilter: () => void;
}) {
  const many = (kind: keyof Patch, value: string) => void changes.many(ids, kind, value, filter ?? undefined).then(onDone);
  const decide = (value: "keep" | "reject") => (filter === null ? noFilter() : many("verdict", value));
  const none = ids.length === 0;
  return (
    <div role="toolbar" aria-label="Chosen images" className={classes.phoneBar}>
      <Group justify="space-between" wrap="nowrap">
        <span aria-live="polite">{none ? "Touch images to choose them" : `${counted(ids.length, "image")} chosen`}</span>
        <Button size="compact-sm" variant="subtle" onClick={onDone}>
          Done
        </Button>
      </Group>
      <Group gap={4} grow preventGrowOverflow={false}>
        <Button size="compact-md" variant="light" px={6} disabled={none} leftSection={<IconThumbUp size={15} />} onClick={() => decide("keep")}>
          Keep
        </Button>
        <Button size="compact-md" variant="light" px={6} disabled={none} leftSection={<IconHandStop size={15} />} onClick={() => decide("reject")}>
          Reject
        </Button>
        <Menu position="top">
          <Menu.Target>
            <Button size="compact-md" variant="light" px={6} disabled={none} leftSection={<IconFlag size={15} />}>
              Flag
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {FLAGS.map((flag) => (
              <Menu.Item key={flag} leftSection={flag === "none" ? undefined : <FlagMark flag={flag} />} onClick={() => many("flag", flag)}>
                {flag}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
        <Button size="compact-md" variant="light" px={6} disabled={none} leftSection={inTrash ? <IconRestore size={15} /> : <IconTrash size={15} />} onClick={() => many("group", inTrash ? "RESTORE" : "TRASH")}>
          {inTrash ? "Restore" : "Trash"}
        </Button>
      </Group>
    </div>
  );
}
