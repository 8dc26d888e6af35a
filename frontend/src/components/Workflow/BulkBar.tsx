import { ActionIcon, Button, Text } from "@mantine/core";
import { IconCopy, IconFileExport, IconPlayerPause, IconPlayerPlay, IconPlayerStop, IconRefresh, IconSitemap, IconTrash, IconX } from "@tabler/icons-react";
import { counted } from "@/components/format";
import classes from "./Workflow.module.css";

interface Props {
  count: number;
  mayChange: boolean;
  mayRemove: boolean;
  onCopy: () => void;
  onCopyBranch: () => void;
  onPause: () => void;
  onResume: () => void;
  onCancel: () => void;
  onRetry: () => void;
  onExport: () => void;
  onRemove: () => void;
  onClear: () => void;
}

/** What can be done with the chosen jobs together. */
export function BulkBar({ count, mayChange, mayRemove, ...on }: Props) {
  const actions = [
    ["Copy", IconCopy, on.onCopy, mayChange],
    ["Copy with all behind", IconSitemap, on.onCopyBranch, mayChange],
    ["Pause", IconPlayerPause, on.onPause, mayChange],
    ["Resume", IconPlayerPlay, on.onResume, mayChange],
    ["Cancel", IconPlayerStop, on.onCancel, mayChange],
    ["Retry failed", IconRefresh, on.onRetry, mayChange],
    ["Export as template", IconFileExport, on.onExport, true],
    ["Remove …", IconTrash, on.onRemove, mayRemove],
  ] as const;
  return (
    <div className={classes.bulk} role="toolbar" aria-label="Chosen jobs">
      <Text size="sm" fw={600}>{counted(count, "job")} chosen</Text>
      {actions.filter(([, , , allowed]) => allowed).map(([label, Icon, act]) => (
        <Button key={label} size="compact-sm" variant="default" color={label.startsWith("Remove") ? "red" : undefined} leftSection={<Icon size={14} />} onClick={act}>{label}</Button>
      ))}
      <ActionIcon variant="subtle" color="gray" aria-label="Choose none" onClick={on.onClear}><IconX size={16} /></ActionIcon>
    </div>
  );
}
