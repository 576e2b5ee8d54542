import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "@/app/App";
import "@/ui/styles/index.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has lost its #root element.");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
