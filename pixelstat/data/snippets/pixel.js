// Sends an event: pixel("add_to_cart", {product: "kettle"});
// pixel("purchase", {order_id: "A17", value: 89.5, currency: "EUR"});
function pixel(event, parameters) {
  var random = function () { return Math.random().toString(36).slice(2); };
  var query = new URLSearchParams(Object.assign({
    e: event,
    p: location.origin + location.pathname + location.search,
    r: document.referrer,
    cb: random()  // no cache has seen it before
  }, parameters));
  try {  // a random id for this browser and this site; ask before where the law wants consent
    query.set("v", localStorage.pixel_visitor = localStorage.pixel_visitor || random() + random());
  } catch (blocked) {}  // without storage the visitor is known by address and agent
  var address = "/pixel.gif?" + query;
  if (!(navigator.sendBeacon && navigator.sendBeacon(address))) new Image().src = address;
}
