"""Format amounts of money with the decimals of their currency."""

NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"  # currencies (ISO 4217)
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
DECIMALS = {currency: number for number, names in ((0, NO_DECIMALS), (3, THREE_DECIMALS)) for currency in names.split()}


def format_money(amount: float, currency: str | None) -> str:
    """Return the amount with thousands in commas, such as `1,234.50`; an unknown currency has two decimals."""
    return f"{amount:,.{DECIMALS.get(currency or '', 2)}f}"
