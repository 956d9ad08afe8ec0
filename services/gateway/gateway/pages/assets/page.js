(() => {
  const lang = document.documentElement.lang.replace(/^en$/, "en-001"); // day before month, as the server writes it
  const now = new Date();
  const day = { year: "numeric", month: "long", day: "numeric" };
  const hour = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" };
  for (const time of document.querySelectorAll("time[datetime*=T]")) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === now.toDateString();
    time.textContent = new Intl.DateTimeFormat(lang, today ? hour : { ...day, ...hour }).format(at);
  }
  const left = document.querySelector("[data-until]");
  if (left) {
    const end = now.getTime() + 1000 * left.dataset.seconds;
    const tell = () => {
      const minutes = Math.ceil((end - Date.now()) / 60000);
      if (minutes < 1) return location.replace(left.dataset.until);
      left.textContent = new Intl.NumberFormat(lang, { style: "unit", unit: "minute", unitDisplay: "long" }).format(minutes);
    };
    setInterval(tell, 15000);
  }
  for (const form of document.forms) {
    if ("file" in form.dataset) continue; // its answer is saved, and the page stays
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
      for (const button of form.querySelectorAll("button")) button.classList.add("busy");
    });
  }
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
