// Sends an event: pixel("add_to_cart", {product: "kettle"});
// pixel("purchase", {order_id: "A17", value: 89.5, currency: "EUR"});
function pixel(event, parameters) {
  var random = function () { return Math.random().toString(36).slice(2); };
  var query = new URLSearchParams(Object.assign({
    e: event,
    p: location.origin + location.pathname + location.search,
    r: document.referrer,
    cb: random()  // a new address each time, so that no cache answers
  }, parameters));
  try {  // a random id for this browser and site; ask for consent first where the law requires it
    query.set("v", localStorage.pixel_visitor = localStorage.pixel_visitor || random() + random());
  } catch (blocked) {}  // without storage, pixelstat tells visitors apart by address and user agent
  var address = "/pixel.gif?" + query;
  if (!(navigator.sendBeacon && navigator.sendBeacon(address))) new Image().src = address;
}
