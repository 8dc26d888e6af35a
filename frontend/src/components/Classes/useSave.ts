/** Keeping a choice: a new job that selects classes, or other parameters of one; both can be taken back. */
import { tell, useAction } from "@/hooks/useAction";
import { hasRole, useMe } from "@/hooks/useMe";
import { counted } from "@/components/format";
import type { Selection } from "./classes";

export type Rule = { classes: number[]; lineage?: string } | { threshold: number };

export function useSave(project: string, job: number) {
  const { mutate, mutateAsync, isPending } = useAction(project);
  const owner = hasRole(useMe().data, "owner", project);
  const told = (rule: Rule) => ("classes" in rule ? counted(rule.classes.length, "class", "classes") : `quality from ${rule.threshold.toFixed(2)}`);

  const add = (title: string, rule: Rule, reason: string, then: (number: number) => void) => {
    const name = { name: "add_job" as const };
    const body = { type: "select-classes", params: rule, inputs: [job], title, note: reason };
    void mutateAsync({ ...name, body } as unknown as Parameters<typeof mutateAsync>[0]).then(
      (value) => {
        const number = Number(value);
        then(number);
        // A job with results of others behind it is only cancelled; its own removal needs the owner.
        const back = owner ? { name: "remove_job" as const, body: { job: number, with_all_behind: false } } : { name: "cancel_job" as const, body: { job: number } };
        tell(`J${number} ${title}: ${told(rule)}`, () => mutate(back as unknown as Parameters<typeof mutate>[0]));
      },
      () => undefined, // the fault was told
    );
  };
  const change = (selection: Selection, rule: Rule, reason: string, then: () => void) => {
    const unset = "threshold" in rule ? ["classes", "lineage"] : [];
    const body = { job: selection.job, params: rule, unset, reason };
    void mutateAsync({
      name: "edit_job",
      body,
      told: `J${selection.job} ${selection.title}: ${told(rule)}`,
      undo: () => mutate({ name: "undo_edit", body: { job: selection.job } } as unknown as Parameters<typeof mutate>[0]),
    } as unknown as Parameters<typeof mutateAsync>[0]).then(then, () => undefined);
  };
  return { add, change, busy: isPending };
}
