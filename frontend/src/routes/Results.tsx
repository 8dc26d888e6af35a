import { ResultsPage } from "@/components/Results/ResultsPage";

/** Results of a project. */
export default function Results() {
  return <ResultsPage />;
}
