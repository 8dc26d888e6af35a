import { SettingsPage } from "@/components/Settings/SettingsPage";

/** Settings of a project. */
export default function Settings() {
  return <SettingsPage />;
}
