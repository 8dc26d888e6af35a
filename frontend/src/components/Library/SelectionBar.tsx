import { Button, CloseButton, Menu, Modal, Stack, Text, Textarea, TextInput, Group } from "@mantine/core";
import { IconArrowsSort, IconDownload, IconFlag, IconFolder, IconMessage, IconPlayerPlay, IconRefresh, IconRestore, IconTag, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { asFault } from "@/client/client";
import { showFault } from "@/components/Fault/Fault";
import { counted } from "@/components/format";
import { useAction } from "@/hooks/useAction";
import type { Changes } from "./changes";
import { download, namesText, rowsCsv } from "./download";
import classes from "./Library.module.css";
import { FlagMark } from "./Marks";

interface Given {
  project: string;
  ids: number[];
  columns: string[];
  groups: string[];
  tags: string[];
  inTrash: boolean;
  mayChange: boolean;
  changes: Changes;
  onRun: () => void;
  onParameters: () => void;
  clear: () => void;
}

const FLAGS = ["red", "green", "blue", "gold"] as const;

/** What can be done to the images that are chosen. */
export function SelectionBar(given: Given) {
  const { project, ids, columns, groups, tags, inTrash, mayChange, changes, onRun, onParameters, clear } = given;
  const [asking, setAsking] = useState<"tag" | "comment" | "group" | null>(null);
  const action = useAction(project);
  const selection = { ids };
  const many = counted(ids.length, "image");
  const order = (place: "first" | "last" | "normal", told: string) =>
    action.mutate({ name: "order_items", body: { selection, place }, told, undo: () => action.mutate({ name: "order_items", body: { selection, place: "normal" } }) });
  const untag = (tag: string) => action.mutate({ name: "tag_items", body: { selection, tag, remove: true } });
  const retag = (tag: string) => action.mutate({ name: "tag_items", body: { selection, tag, remove: false }, told: `${many} tagged ${tag}`, undo: () => untag(tag) });
  const save = (kind: "text" | "csv") =>
    void (kind === "text" ? namesText(project, ids) : rowsCsv(project, ids, columns))
      .then((text) => download(text, kind === "text" ? "names.txt" : "images.csv"))
      .catch((error: unknown) => showFault(asFault(error)));
  return (
    <div className={classes.bar} role="toolbar" aria-label="Chosen images">
      <Text size="sm" fw={600} aria-live="polite">
        {many} chosen
      </Text>
      {mayChange && (
        <>
          <Choose label="Flag" icon={<IconFlag size={15} />}>
            {FLAGS.map((flag) => (
              <Menu.Item key={flag} leftSection={<FlagMark flag={flag} />} onClick={() => void changes.many(ids, "flag", flag)}>
                {flag}
              </Menu.Item>
            ))}
            <Menu.Item onClick={() => void changes.many(ids, "flag", "none")}>none</Menu.Item>
          </Choose>
          <Choose label="Tag" icon={<IconTag size={15} />}>
            {tags.map((tag) => (
              <Menu.Item key={tag} onClick={() => retag(tag)}>
                {tag}
              </Menu.Item>
            ))}
            <Menu.Item onClick={() => setAsking("tag")}>Another tag …</Menu.Item>
            {tags.length > 0 && <Menu.Divider />}
            {tags.map((tag) => (
              <Menu.Item key={`without ${tag}`} onClick={() => action.mutate({ name: "tag_items", body: { selection, tag, remove: true }, told: `${many} without ${tag}`, undo: () => retag(tag) })}>
                Take {tag} away
              </Menu.Item>
            ))}
          </Choose>
          <Tool label="Comment" icon={<IconMessage size={15} />} onClick={() => setAsking("comment")} />
          <Choose label="Move to" icon={<IconFolder size={15} />}>
            {groups.filter((group) => group !== "TRASH").map((group) => (
              <Menu.Item key={group} onClick={() => void changes.many(ids, "group", group).then(clear)}>
                {group}
              </Menu.Item>
            ))}
            <Menu.Item onClick={() => setAsking("group")}>New group …</Menu.Item>
          </Choose>
          {inTrash ? (
            <Tool label="Restore" icon={<IconRestore size={15} />} onClick={() => void changes.many(ids, "group", "RESTORE").then(clear)} />
          ) : (
            <Tool label="Trash" icon={<IconTrash size={15} />} onClick={() => void changes.many(ids, "group", "TRASH").then(clear)} />
          )}
          <Tool label="Run a job on these" icon={<IconPlayerPlay size={15} />} onClick={onRun} />
          <Choose label="Process" icon={<IconArrowsSort size={15} />}>
            <Menu.Item onClick={onParameters}>Set parameters for these …</Menu.Item>
            <Menu.Item leftSection={<IconRefresh size={15} />} onClick={() => action.mutate({ name: "retry", body: { jobs: null, selection }, told: `Failed tasks of ${many} are tried again` })}>
              Retry failed tasks
            </Menu.Item>
            <Menu.Item onClick={() => order("first", `${many} first`)}>Work on these first</Menu.Item>
            <Menu.Item onClick={() => order("last", `${many} last`)}>Work on these last</Menu.Item>
            <Menu.Item onClick={() => order("normal", `${many} in their turn`)}>In their turn again</Menu.Item>
          </Choose>
        </>
      )}
      <Choose label="Export" icon={<IconDownload size={15} />}>
        <Menu.Item onClick={() => save("text")}>Names as text</Menu.Item>
        <Menu.Item onClick={() => save("csv")}>Shown columns as CSV</Menu.Item>
      </Choose>
      <CloseButton size="sm" aria-label="Choose nothing" onClick={clear} ml="auto" />
      {asking && <Ask kind={asking} many={many} onClose={() => setAsking(null)} onText={(text) => {
        setAsking(null);
        if (asking === "tag") retag(text);
        else if (asking === "group") void changes.many(ids, "group", text).then(clear);
        else action.mutate({ name: "comment_items", body: { selection, comment: text || null }, told: `Comment written to ${many}` });
      }} />}
    </div>
  );
}

function Tool({ label, icon, onClick }: { label: string; icon: React.ReactNode; onClick: () => void }) {
  return (
    <Button size="compact-xs" variant="subtle" leftSection={icon} onClick={onClick}>
      {label}
    </Button>
  );
}

function Choose({ label, icon, children }: { label: string; icon: React.ReactNode; children: React.ReactNode }) {
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button size="compact-xs" variant="subtle" leftSection={icon}>
          {label}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: "auto" }}>
        {children}
      </Menu.Dropdown>
    </Menu>
  );
}

function Ask({ kind, many, onText, onClose }: { kind: "tag" | "comment" | "group"; many: string; onText: (text: string) => void; onClose: () => void }) {
  const [text, setText] = useState("");
  const title = { tag: `Tag for ${many}`, comment: `Comment for ${many}`, group: `New group for ${many}` }[kind];
  const Field = kind === "comment" ? Textarea : TextInput;
  return (
    <Modal opened onClose={onClose} title={<Text fw={600}>{title}</Text>} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() || kind === "comment") onText(text.trim());
      }}>
        <Stack>
          <Field data-autofocus aria-label={title} value={text} onChange={(event) => setText(event.currentTarget.value)} placeholder={kind === "comment" ? "Empty removes the comment" : ""} />
          <Group justify="flex-end">
            <Button type="submit">Do it</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
