"""Gateways are sites through which visitors only pass: they are no source, and their hosts are written as the list says."""

import re
import tomllib
from pathlib import Path

import pytest

from pixelstat.enrich import channels, referrers
from pixelstat.enrich.referrers import GATEWAY_PAGE, MAX_LABELS, classify_referrer, is_gateway, kind_of
from tests.enrich.test_referrers import touch

FILE = Path(referrers.__file__).parents[1] / "data" / "gateways.toml"
TABLES = tomllib.loads(FILE.read_text("utf-8"))
GROUPS = {name: table for name, table in TABLES.items() if isinstance(table, dict)}
HOSTS = [host for group in GROUPS.values() for hosts in group.values() for host in hosts.split()]

GATEWAYS = """
    www.paypal.com paypal.de checkout.stripe.com hooks.stripe.com pay.klarna.com checkoutshopper-live.adyen.com www.mollie.com
    secure.payu.com go.przelewy24.pl secure.tpay.com paywall.imoje.pl ideal.ing.nl pay.ideal.nl www.giropay.de www.sofort.com
    sis.redsys.es secure.barion.com gate.gopay.cz saferpay.com www.saferpay.com p.monetico-services.com
    tpeweb.paybox.com securepay.tinkoff.ru secure.ewaypayments.com sec.windcave.com secure.worldpay.com accept.authorize.net
    connect.squareup.com www.affirm.com portal.afterpay.com api.razorpay.com secure.payu.in secure.ccavenue.com
    mercury-t2.phonepe.com securegw.paytm.in pgi.billdesk.com www.mercadopago.com.br pagseguro.uol.com.br webpay3g.transbank.cl
    cashier.alipay.com wx.tenpay.com gateway.95516.com app.midtrans.com checkout.xendit.co payment.momo.vn mobile.inicis.com
    pay.naver.com checkout.paystack.com www.payfast.co.za sep.shaparak.ir eu-prod.oppwa.com
    secure5.arcot.com centinelapi.cardinalcommerce.com 3ds.bank.example 3dsecure.bank.example acs.revolut.com www.rsa3dsauth.com
    secure-acs2ui-b1.wibmo.com ssl-prd.wlp-acs.com online.mbank.pl www.ipko.pl netbanking.hdfcbank.com
    accounts.google.com accounts.google.de login.microsoftonline.com login.live.com acme.b2clogin.com appleid.apple.com
    dev-1.okta.com acme.eu.auth0.com nid.naver.com kauth.kakao.com id.twitch.tv open.weixin.qq.com api.twitter.com
"""

SOURCES = """
    stripe.com docs.stripe.com klarna.com shop.app amazon.de google.com mail.google.com facebook.com linkedin.com
    3ds.com blog.3ds.example.3ds.com mypaypal.com paypal.com.example.net arcot.example okta.example login.example
"""


@pytest.mark.parametrize("host", GATEWAYS.split())
def test_a_gateway_is_no_source(host: str) -> None:
    assert is_gateway(host)
    assert touch(referrer=f"https://{host}/return") == (None, None, None, None)
    assert touch(referrer=f"https://{host}/return", page_query="ref=PAY-7") == (None, None, None, None)
    assert touch(referrer=f"https://{host}/return", utm_source="nl", utm_medium="email")[:2] == ("nl", "email")


@pytest.mark.parametrize("host", SOURCES.split())
def test_other_hosts_of_a_provider_and_hosts_that_look_alike_are_sources(host: str) -> None:
    assert not is_gateway(host)
    assert classify_referrer(host, None).source is not None


@pytest.mark.parametrize(
    ("referrer", "source"),
    [
        ("https://www.facebook.com/v23.0/dialog/oauth?client_id=1", None),
        ("https://m.facebook.com/dialog/oauth", None),
        ("https://www.facebook.com/login.php", None),
        ("https://www.facebook.com/groups/dialog", "facebook"),
        ("https://www.facebook.com/", "facebook"),
        ("https://github.com/login/oauth/authorize", None),
        ("https://github.com/ann/shop", "github"),
        ("https://www.linkedin.com/oauth/v2/authorization", None),
        ("https://www.linkedin.com/feed/", "linkedin"),
        ("https://www.amazon.co.uk/ap/oa", None),
        ("https://www.amazon.co.uk/dp/1", "amazon"),
        ("https://x.com/i/oauth2/authorize", None),
        ("https://fox.com/i/oauth2/authorize", "fox.com"),
        ("https://evil.example/?u=https://x.com/i/oauth2/", "evil.example"),
    ],
)
def test_a_sign_in_on_a_site_that_is_a_source_is_a_gateway(referrer: str, source: str | None) -> None:
    assert touch(referrer=referrer)[0] == source


@pytest.mark.parametrize(
    ("referrer", "source"),
    [
        ("https://pay.example/", None),
        ("https://www.pay.example/", None),
        ("https://a.b.pay.example/x", None),
        ("https://notpay.example/", "notpay.example"),
        ("https://pay.example.net/", "pay.example.net"),
    ],
)
def test_hosts_of_the_user_are_gateways_with_the_hosts_below_them(referrer: str, source: str | None) -> None:
    for query, expected in ((None, source), ("ref=b", source and "b")):
        told = channels.determine_source(
            None, None, None, query and "b", None, re.sub(r"^https://|/.*$", "", referrer), None,
            ignored_hosts=frozenset(["pay.example"]),
        )  # fmt: skip
        assert told["source"] == (expected and expected.removeprefix("www."))


def test_a_campaign_may_have_the_name_of_a_provider() -> None:
    assert kind_of("checkout.stripe.com") == "shopping"
    assert kind_of("www.paypal.com") is None
    assert is_gateway(GATEWAY_PAGE)


def test_the_list_is_of_a_day_and_holds_each_host_once() -> None:
    assert TABLES["date"].year >= 2026
    assert len(HOSTS) > 500
    assert sorted(host for host in {*HOSTS} if HOSTS.count(host) > 1) == []


def test_the_hosts_of_the_list_are_hosts() -> None:
    label = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?|\{\})"
    assert [
        host for host in HOSTS if not re.fullmatch(rf"{label}(?:\.{label})+", host) or host.startswith("www.")
    ] == []
    assert [host for host in TABLES["first_labels"] if not re.fullmatch("[a-z0-9-]+", host)] == []


def test_no_listed_host_is_longer_than_the_part_that_is_looked_up() -> None:
    assert max(host.count(".") + 1 for host in (*HOSTS, *referrers._load_sites())) <= MAX_LABELS
    assert is_gateway("a." * 100 + "paypal.com")
    assert classify_referrer("a." * 100 + "facebook.com", None).source == "facebook"


def test_no_gateway_is_a_source_of_the_other_lists() -> None:
    sites = {host for host, site in referrers._load_sites().items() if site.kind in ("search", "video", "ai", "email")}
    assert sites & {*HOSTS} == set()
