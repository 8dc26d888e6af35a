import { Text } from "@mantine/core";
import type { Schemas } from "@/client/client";
import { formatTime } from "@/components/format";
import { Part } from "./Preview";

const WORDS: Record<string, string> = {
  flag: "flagged", trash: "moved to TRASH", restore: "restored", group: "moved to", tag: "tagged", untag: "took the tag away:", comment: "commented:",
  parameters: "set parameters", keep: "kept it", reject: "rejected it", undecide: "left it to the filter",
};

/** What people decided about an item, the newest first, and where its files are. */
export function ItemDecisions({ item }: { item: Schemas["ItemView"] }) {
  return (
    <>
      {item.decisions.length > 0 && (
        <Part title="Decisions">
          {item.decisions.slice(0, 12).map((entry) => (
            <Text key={`${entry.time} ${entry.kind}`} size="xs">
              <Text span c="dimmed" size="xs">
                {formatTime(entry.time)}
              </Text>{" "}
              {entry.author} {WORDS[entry.kind] ?? entry.kind} {entry.value ?? ""}
              {entry.job ? ` in J${entry.job}` : ""}
            </Text>
          ))}
        </Part>
      )}
      <Part title="Files in the project">
        {item.files.map((file) => (
          <Text key={file.path + file.name} size="xs" style={{ overflowWrap: "anywhere" }} title={`${file.slot}, ${file.name}, J${file.job}`}>
            {file.path}
          </Text>
        ))}
      </Part>
    </>
  );
}
