import { memo } from "react";
import classes from "./Image.module.css";
import { ItemView } from "./ItemView";
import { SETS, type SetName } from "./views";

interface Given {
  project: string;
  item: number;
  /** image: before and after; drift: after with trajectory and fit; particles: background taken off. */
  set?: SetName;
  size?: number;
}

/** Four views of an item, 2 × 2, with captions; the places are there before the pictures are. */
export const Overview = memo(function Overview({ project, item, set = "drift", size = 400 }: Given) {
  const { title, views } = SETS[set];
  return (
    <section className={classes.grid} aria-label={`${title} views`}>
      {views.map((view) => (
        <ItemView key={view} project={project} item={item} view={view} size={size} label />
      ))}
    </section>
  );
});
