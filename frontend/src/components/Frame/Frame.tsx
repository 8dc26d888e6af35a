import type { ReactNode } from "react";
import { NavLink, Outlet, useParams } from "react-router";
import classes from "./Frame.module.css";
import { PAGES } from "./pages";
import { StatusBar } from "./StatusBar";
import { TopBar } from "./TopBar";

/** The frame of every page: top bar, rail of a project's pages, status bar. */
export function Frame({ children }: { children?: ReactNode }) {
  const { project } = useParams();
  return (
    <div className={project ? classes.root : `${classes.root} ${classes.bare}`}>
      <a href="#main" className={classes.skip}>
        Skip to the page
      </a>
      <header className={classes.top}>
        <TopBar project={project} />
      </header>
      {project && (
        <nav className={classes.rail} aria-label="Pages of the project">
          {PAGES.map(({ path, label, icon: Icon }) => (
            <NavLink
              key={path}
              to={`/p/${project}/${path}`}
              className={({ isActive }) => (isActive ? `${classes.link} ${classes.active}` : classes.link)}
            >
              <Icon size={20} stroke={1.6} aria-hidden />
              {label}
            </NavLink>
          ))}
        </nav>
      )}
      <main className={classes.main} id="main" tabIndex={-1}>
        {children ?? <Outlet />}
      </main>
      {project && (
        <footer className={classes.status} aria-label="State of the session">
          <StatusBar project={project} />
        </footer>
      )}
    </div>
  );
}
