import { Pill, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import type { Schemas } from "@/client/client";
import { useAction } from "@/hooks/useAction";
import { Part } from "./Preview";

/** Comment, tags and parameters that are the item's own. */
export function ItemNotes({ project, item, mayChange }: { project: string; item: Schemas["ItemView"]; mayChange: boolean }) {
  const [text, setText] = useState(item.comment ?? "");
  const action = useAction(project);
  const selection = { ids: [item.id] };
  const write = (comment: string | null) => action.mutate({ name: "comment_items", body: { selection, comment } });
  const keep = () => {
    if (text.trim() === (item.comment ?? "")) return;
    const before = item.comment;
    action.mutate({ name: "comment_items", body: { selection, comment: text.trim() || null }, told: "Comment written", undo: () => write(before) });
  };
  const own = Object.entries(item.parameters);
  return (
    <Part title="Notes">
      <Textarea
        size="xs"
        autosize
        minRows={1}
        maxRows={6}
        aria-label="Comment"
        placeholder={mayChange ? "Comment" : "No comment"}
        value={text}
        readOnly={!mayChange}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={keep}
      />
      {item.tags.length > 0 && (
        <Pill.Group mt={6}>
          {item.tags.map((tag) => (
            <Pill
              key={tag}
              withRemoveButton={mayChange}
              removeButtonProps={{ "aria-label": `Take the tag ${tag} away`, tabIndex: 0, "aria-hidden": false }}
              onRemove={() => action.mutate({
                name: "tag_items", body: { selection, tag, remove: true }, told: `Without ${tag}`,
                undo: () => action.mutate({ name: "tag_items", body: { selection, tag, remove: false } }),
              })}
            >
              {tag}
            </Pill>
          ))}
        </Pill.Group>
      )}
      {own.map(([name, value]) => (
        <Text key={name} size="xs" mt={4}>
          its own {name} = {JSON.stringify(value)}
        </Text>
      ))}
    </Part>
  );
}
