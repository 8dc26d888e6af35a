/** State in the address, so that Back works and a link shows the same. */
import { useCallback } from "react";
import { useLocation, useSearchParams } from "react-router";

/** What the address says now, not when the page was last drawn: of two changes in a row both must hold. */
export function addressNow(): URLSearchParams {
  return new URLSearchParams(window.location.search);
}

/** One parameter of the address as text; `replace` keeps the history short for what changes often. */
export function useUrlState(name: string, initial = "", replace = true): [string, (value: string) => void] {
  const [params, setParams] = useSearchParams();
  const { pathname } = useLocation();
  const set = useCallback(
    (value: string) => {
      if (window.location.pathname !== pathname) return; // what comes late must not lead back from the next page
      setParams(
        () => {
          const next = addressNow();
          if (value === initial) next.delete(name);
          else next.set(name, value);
          return next;
        },
        { replace },
      );
    },
    [initial, name, pathname, replace, setParams],
  );
  return [params.get(name) ?? initial, set];
}

/** One parameter of the address as JSON, for filters and choices of columns. */
export function useUrlJson<T>(name: string, initial: T, replace = true): [T, (value: T) => void] {
  const plain = JSON.stringify(initial);
  const [text, setText] = useUrlState(name, plain, replace);
  const set = useCallback((value: T) => setText(JSON.stringify(value)), [setText]);
  try {
    return [JSON.parse(text) as T, set];
  } catch {
    return [initial, set];
  }
}
