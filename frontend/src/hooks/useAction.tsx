/** Doing things in a project: at once on the screen, with Undo, and with the fault told where it can't be done. */
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { act, asFault, type ActionBody, type ActionName } from "@/client/client";
import { showFault } from "@/components/Fault/Fault";
import { UndoLine } from "@/components/Fault/UndoLine";

export interface Doing<N extends ActionName> {
  name: N;
  body: ActionBody<N>;
  /** What is told when it is done, such as "3 images in TRASH". */
  told?: string;
  /** What takes it back; offered as a button where given. */
  undo?: () => void;
}

type AnyDoing = { [N in ActionName]: Doing<N> }[ActionName];

/** `doAction({name: "trash", body: {selection: {ids: [1]}}, told: "…", undo})`; `mutateAsync` gives the action's value. */
export function useAction(project: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (doing: AnyDoing) => act(project, doing.name, doing.body as ActionBody<ActionName>),
    onSuccess: (_value, doing) => {
      if (doing.told) tell(doing.told, doing.undo);
    },
    onError: (error) => showFault(asFault(error)),
    onSettled: () => queries.invalidateQueries({ queryKey: ["p", project] }),
  });
}

let count = 0;

/** Tell in a corner what was done, with a button that takes it back. */
export function tell(message: string, undo?: () => void): void {
  const id = `told-${++count}`;
  const back = () => {
    notifications.hide(id);
    undo?.();
  };
  notifications.show({ id, message: undo ? <UndoLine message={message} undo={back} /> : message, autoClose: undo ? 8000 : 3000 });
}
