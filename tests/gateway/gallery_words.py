"""A tenant's own words on the pages of the gallery, in every language that pages have."""

from collections.abc import Mapping
from typing import Any

_Words = Mapping[str, str]

PRIVACY: _Words = {
    "en": "Privacy",
    "de": "Datenschutz",
    "es": "Privacidad",
    "fr": "Confidentialité",
    "ja": "プライバシー",
    "ar": "الخصوصية",
}
HELP: Mapping[str, Mapping[str, str]] = {
    "en": {"welcome": "Welcome back.", "help": "Questions? Write to help@acme.example."},
    "de": {"help": "Fragen? Schreiben Sie an hilfe@acme.example."},
    "es": {"help": "¿Preguntas? Escriba a ayuda@acme.example."},
    "fr": {"help": "Des questions ? Écrivez à aide@acme.example."},
    "ja": {"help": "ご質問は help@acme.example までお寄せください。"},
    "ar": {"help": "هل لديك أسئلة؟ راسلنا على help@acme.example."},
}

# The fields of the profile: one of each kind.
_LABELS: Mapping[str, _Words] = {
    "given_name": {
        "en": "First names",
        "de": "Vornamen",
        "es": "Nombre",
        "fr": "Prénoms",
        "ja": "名",
        "ar": "الاسم الأول",
    },
    "birthdate": {
        "en": "Date of birth",
        "de": "Geburtsdatum",
        "es": "Fecha de nacimiento",
        "fr": "Date de naissance",
        "ja": "生年月日",
        "ar": "تاريخ الميلاد",
    },
    "country": {"en": "Country", "de": "Land", "es": "País", "fr": "Pays", "ja": "国", "ar": "البلد"},
    "phone_number": {
        "en": "Phone number",
        "de": "Telefonnummer",
        "es": "Teléfono",
        "fr": "Téléphone",
        "ja": "電話番号",
        "ar": "رقم الهاتف",
    },
    "plan": {"en": "Plan", "de": "Tarif", "es": "Tarifa", "fr": "Formule", "ja": "プラン", "ar": "الباقة"},
    "children": {
        "en": "Children",
        "de": "Kinder",
        "es": "Hijos",
        "fr": "Enfants",
        "ja": "お子様の人数",
        "ar": "عدد الأطفال",
    },
    "about": {
        "en": "About you",
        "de": "Über Sie",
        "es": "Sobre usted",
        "fr": "À propos de vous",
        "ja": "自己紹介",
        "ar": "نبذة عنك",
    },
    "news": {
        "en": "Send me news",
        "de": "Neuigkeiten schicken",
        "es": "Quiero recibir novedades",
        "fr": "Recevoir les nouveautés",
        "ja": "お知らせを受け取る",
        "ar": "أرسلوا إليّ الأخبار",
    },
}
_SMALL: _Words = {"en": "Small", "de": "Klein", "es": "Pequeña", "fr": "Petite", "ja": "小", "ar": "صغيرة"}
_LARGE: _Words = {"en": "Large", "de": "Groß", "es": "Grande", "fr": "Grande", "ja": "大", "ar": "كبيرة"}
_WHY: _Words = {
    "en": "For questions about your account.",
    "de": "Für Fragen zu Ihrem Konto.",
    "es": "Para preguntas sobre su cuenta.",
    "fr": "Pour les questions sur votre compte.",
    "ja": "アカウントに関するお問い合わせに使います。",
    "ar": "للأسئلة المتعلقة بحسابك.",
}
_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "given_name": {"x-to": "root"},
    "birthdate": {"format": "date"},
    "country": {"format": "country"},
    "phone_number": {"format": "phone", "x-region": "DE", "x-help": _WHY},
    "plan": {"enum": ["s", "l"], "x-choices": {"s": _SMALL, "l": _LARGE}},
    "children": {"type": "integer", "minimum": 0, "x-width": "short"},
    "about": {"x-rows": 3},
    "news": {"type": "boolean"},
}
PROFILE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        name: {"type": "string", "x-to": "user_metadata", "x-label": _LABELS[name], **keywords}
        for name, keywords in _FIELDS.items()
    },
    "required": ["given_name", "birthdate"],
}

_TITLES: _Words = {
    "en": "Terms of use",
    "de": "Nutzungsbedingungen",
    "es": "Condiciones de uso",
    "fr": "Conditions générales",
    "ja": "利用規約",
    "ar": "شروط الاستخدام",
}
_CHANGES: _Words = {
    "en": "You can close your account at any time.",
    "de": "Sie können Ihr Konto jederzeit schließen.",
    "es": "Puede cerrar su cuenta en cualquier momento.",
    "fr": "Vous pouvez fermer votre compte à tout moment.",
    "ja": "アカウントはいつでも閉鎖できます。",
    "ar": "يمكنك إغلاق حسابك في أي وقت.",
}
_TERMS: _Words = {
    "en": "Keep your password to yourself.\n\nPay your bills.",
    "de": "Behalten Sie Ihr Passwort für sich.\n\nZahlen Sie Ihre Rechnungen.",
    "es": "No comparta su contraseña.\n\nPague sus facturas.",
    "fr": "Gardez votre mot de passe pour vous.\n\nPayez vos factures.",
    "ja": "パスワードは他人に教えないでください。\n\n料金をお支払いください。",
    "ar": "احتفظ بكلمة مرورك لنفسك.\n\nسدّد فواتيرك.",
}
_MAILS: _Words = {
    "en": "Offers by e-mail",
    "de": "Angebote per E-Mail",
    "es": "Ofertas por correo",
    "fr": "Offres par e-mail",
    "ja": "メールでのご案内",
    "ar": "العروض بالبريد الإلكتروني",
}
_PURPOSES: _Words = {
    "en": "Running your account",
    "de": "Ihr Konto führen",
    "es": "Gestionar su cuenta",
    "fr": "Gérer votre compte",
    "ja": "アカウントの管理",
    "ar": "إدارة حسابك",
}
TERMS: Mapping[str, Any] = {
    "revision": 1,
    "jurisdiction": "Austria",
    "policy_url": "https://acme.example/privacy",
    "controller": {
        "name": "Acme Bank AG",
        "contact": "Data protection officer",
        "address": "Hauptplatz 1, 4020 Linz",
        "email": "privacy@acme.example",
        "phone": "+43 732 100",
    },
    "documents": [
        {
            "id": "terms",
            "version": "3",
            "purposes": [{"purpose": _PURPOSES}],
            "languages": {
                tag: {
                    "title": title,
                    "text": _TERMS[tag],
                    "changes": [{"version": "3", "text": _CHANGES[tag]}],
                }
                for tag, title in _TITLES.items()
            },
        },
        {
            "id": "mails",
            "version": "1",
            "mandatory": False,
            "languages": {
                tag: {"title": title, "link": f"https://acme.example/mails/{tag}"}
                for tag, title in _MAILS.items()
            },
        },
    ],
}
