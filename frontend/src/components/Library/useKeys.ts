/** The keys of the library, while nothing is being typed and no dialog is open. */
import { useEffect, useRef } from "react";

export type Keys = Record<string, (event: KeyboardEvent) => void>;

export function useKeys(keys: Keys): void {
  const now = useRef(keys);
  now.current = keys;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement;
      if (event.defaultPrevented || at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) return;
      if (document.querySelector('[role="dialog"]')) return;
      const inTable = at.closest('[role="grid"]') !== null || at === document.body || at.id === "main";
      const button = at.closest('button, a, [role="slider"], [role="radio"]');
      if (button && !inTable && (event.key === " " || event.key === "Enter" || event.key.startsWith("Arrow"))) return;
      if (button && inTable && (event.key === " " || event.key === "Enter")) return;
      const name = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${event.key.length === 1 ? event.key.toLowerCase() : event.key}`;
      const act = now.current[name];
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}
