import { MantineProvider, Center, Loader } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, StrictMode, Suspense, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter, Navigate, Route, Routes, useLocation } from "react-router";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "@mantine/spotlight/styles.css";
import "./main.css";
import { asFault, RequestFault } from "./client/client";
import { LiveProvider } from "./client/live";
import { Fault } from "./components/Fault/Fault";
import { Frame } from "./components/Frame/Frame";
import { Search } from "./components/Frame/Search";
import { useMe } from "./hooks/useMe";
import Session from "./routes/Session";
import { cssVariablesResolver, theme } from "./theme";

const Projects = lazy(() => import("./routes/Projects"));
const Library = lazy(() => import("./routes/Library"));
const Workflow = lazy(() => import("./routes/Workflow"));
const Queue = lazy(() => import("./routes/Queue"));
const Results = lazy(() => import("./routes/Results"));
const Classes = lazy(() => import("./routes/Classes"));
const Export = lazy(() => import("./routes/Export"));
const Settings = lazy(() => import("./routes/Settings"));
const Viewer = lazy(() => import("./routes/Viewer"));
const Picks = lazy(() => import("./routes/Picks"));
const Server = lazy(() => import("./routes/Server"));
const Login = lazy(() => import("./routes/Login"));

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 3 && !(error instanceof RequestFault && error.fault.status > 0 && error.fault.status < 500),
    },
  },
});

/** Only those who are known come in; others are shown the way to sign in. */
function SignedIn({ children }: { children: ReactNode }) {
  const me = useMe();
  const { pathname } = useLocation();
  if (me.data) return <LiveProvider>{children}</LiveProvider>;
  if (me.error && asFault(me.error).status === 401) {
    return <Navigate to={`/login?next=${encodeURIComponent(pathname)}`} replace />;
  }
  if (me.error) return <Fault error={me.error} retry={() => void me.refetch()} />;
  return <Waiting />;
}

function Waiting() {
  return (
    <Center h="60vh">
      <Loader aria-label="loading" />
    </Center>
  );
}

function Pages() {
  return (
    <SignedIn>
      <Search />
      <Suspense fallback={<Waiting />}>
        <Routes>
          <Route path="/view" element={<Viewer />} />
          <Route element={<Frame />}>
            <Route path="/" element={<Projects />} />
            <Route path="/settings" element={<Server />} />
            <Route path="/p/:project">
              <Route index element={<Navigate to="session" replace />} />
              <Route path="session" element={<Session />} />
              <Route path="library" element={<Library />} />
              <Route path="workflow" element={<Workflow />} />
              <Route path="jobs/:job/picks" element={<Picks />} />
              <Route path="queue" element={<Queue />} />
              <Route path="results" element={<Results />} />
              <Route path="jobs/:job/classes" element={<Classes />} />
              <Route path="classes" element={<Classes />} />
              <Route path="export" element={<Export />} />
              <Route path="settings" element={<Settings />} />
            </Route>
          </Route>
          <Route path="*" element={<Navigate to="/" replace />} />
        </Routes>
      </Suspense>
    </SignedIn>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariablesResolver} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <Notifications position="bottom-right" limit={4} />
        <BrowserRouter>
          <Routes>
            <Route path="/login" element={<Suspense fallback={<Waiting />}><Login /></Suspense>} />
            <Route path="*" element={<Pages />} />
          </Routes>
        </BrowserRouter>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
