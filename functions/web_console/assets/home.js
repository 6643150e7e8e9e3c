// Shows the health report and asks for it again every fifteen seconds while the page is visible.
const INTERVAL_MS = 15000;
const statusLine = document.getElementById("status");
const checkList = document.getElementById("checks");

function show(condition, text) {
  // A status line that does not change is not announced again.
  if (statusLine.textContent !== text) statusLine.textContent = text;
  statusLine.dataset.condition = condition;
}

function showChecks(checks) {
  const items = Object.entries(checks).map(([name, condition]) => {
    const item = document.createElement("li");
    item.dataset.condition = condition;
    item.textContent = `${name.replaceAll("_", " ")}: ${condition}`;
    return item;
  });
  checkList.replaceChildren(...items);
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch("health", { cache: "no-store", signal: AbortSignal.timeout(10000) });
    const report = await answer.json();
    if (!report.checks) throw new Error("no health report");
    show(report.status, report.status === "healthy" ? "All dependencies answer." : "Some dependencies do not answer.");
    showChecks(report.checks);
  } catch {
    show("unknown", "The health report cannot be read.");
    checkList.replaceChildren();
  }
}

refresh();
setInterval(refresh, INTERVAL_MS);
document.addEventListener("visibilitychange", refresh);
