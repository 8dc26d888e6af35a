import { InspectorPage } from "@/components/Picks/InspectorPage";

export default function PicksPage() {
  return <InspectorPage />;
}
