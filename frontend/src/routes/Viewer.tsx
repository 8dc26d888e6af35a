import { Viewer } from "@/components/Viewer/Viewer";

export default function ViewerPage() {
  return <Viewer />;
}
